{# USES_VARIABLES { N } #}
{# A variable of neurons that is the sum over their synapses in every step. Threads have the sums of
   their own neurons, each in the order of the synapses: so all go through all, which costs less than
   what the synapses add. #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    {% set sum = get_array_name(_target_var) %}
    const int _first_target = slices_{{_target_var.owner.name}}.first(_slice);
    const int _last_target = slices_{{_target_var.owner.name}}.last(_slice);
    for (int _target = _first_target; _target < _last_target; _target++) {{sum}}[_target] = 0;

    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const int _size = {{constant_or_scalar('N', variables['N'])}};
    for (int _idx = 0; _idx < _size; _idx++)
    {
        const int _target = {{get_array_name(_index_var)}}[_idx];
        if (_target < _first_target || _target >= _last_target) continue;
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        {{sum}}[_target] += _synaptic_var;
    }
{% endblock %}
