{# The code of one object of the network, for one index; device.py writes the kernels that call it. #}
{% macro constants() %}
{% for name, variable in variables | dictsort if variable.__class__.__name__ == 'Constant' and name != 'N' %}
const {{c_data_type(variable.dtype)}} {{name}} = {{variable.value}};
{% endfor %}
{% for name, variable in variables | dictsort if variable.__class__.__name__ == 'SymbolicConstant' %}
const double {{name}} = {{'HUGE_VAL' if name == 'inf' else variable.value}};
{% endfor %}
{% endmacro %}

{% macro h_file() %}
{% endmacro %}

{% macro cu_file() %}
namespace {{codeobj_name}}_code {

constexpr uint32_t _random_stream = {{stream_of(codeobj_name)}}u;

{{support_code_lines|autoindent}}

{% block function %}
__device__ __forceinline__ void at(const int64_t _idx, const int64_t _step, bool &_crossed)
{
    const int64_t _vectorisation_idx = _idx;
    NOW(_step)
    {{kernel_lines|autoindent}}
    {{constants()|autoindent}}
    // scalar code
    {{scalar_code|autoindent}}
    // for each
    {
        {{vector_code|autoindent}}
        {% block after %}
        {% endblock %}
    }
}
{% endblock %}

}  // namespace {{codeobj_name}}_code
{% endmacro %}
