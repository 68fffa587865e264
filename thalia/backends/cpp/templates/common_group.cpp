{# The function of an object. What it may call is in the shared header. #}
{% macro cpp_file() %}
void _run_{{codeobj_name}}()
{
    using namespace brian;

    ///// CONSTANTS ///////////
    %CONSTANTS%
    ///// POINTERS ////////////
    {{pointers_lines|autoindent}}

    {% block maincode %}
    {% endblock %}
}
{% endmacro %}

{% macro h_file() %}
{% endmacro %}
