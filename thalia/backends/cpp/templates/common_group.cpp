{# The function of an object. What it may call is in the shared header. #}
{% macro cpp_file() %}
void _run_{{codeobj_name}}(const Slice &_slice)
{
    using namespace brian;
    const uint32_t _random_stream = {{stream_of(codeobj_name)}}u;
    const int64_t _step = defaultclock.timestep[0];

    ///// CONSTANTS ///////////
    %CONSTANTS%
    ///// POINTERS ////////////
    {% block pointers %}
    {{pointers_lines|autoindent}}
    {% endblock %}

    {% block maincode %}
    {% endblock %}
}
{% endmacro %}

{% macro h_file() %}
{% endmacro %}
