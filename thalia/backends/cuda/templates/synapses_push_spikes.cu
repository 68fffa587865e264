{# Nothing is pushed: a pathway looks up who fired. #}
{% macro h_file() %}
{% endmacro %}
{% macro cu_file() %}
{% endmacro %}
