{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{# What happens to all neurons of a group, or to all synapses. #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    {% if owner.__class__.__name__ == 'NeuronGroup' %}
    const int _begin = slices_{{owner.name}}.first(_slice), _end = slices_{{owner.name}}.last(_slice);
    {% else %}
    const size_t _size = {{constant_or_scalar('N', variables['N'])}};
    const int _begin = _slice.first(_size), _end = _slice.last(_size);
    {% endif %}
    for (int _idx = _begin; _idx < _end; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
{% endblock %}
