{# USES_VARIABLES { N } #}
{# The neurons that spiked in this step. #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const auto &_own_slices = slices_{{owner.name}};
    for (int32_t _k = _own_slices.offsets[_slice.begin]; _k < _own_slices.offsets[_slice.end]; _k++)
    {
        const size_t _idx = {{get_array_name(eventspace_variable)}}[_k];
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
{% endblock %}
