{# Nothing is pushed: each pathway looks up the neurons that spiked. #}
{% macro h_file() %}
{% endmacro %}
{% macro cu_file() %}
{% endmacro %}
