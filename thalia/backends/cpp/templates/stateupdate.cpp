{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{# What happens to all neurons of a group, of which some may be asleep, or to all synapses. #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    {% set own = remembered(vector_code, scalar_code, variables) %}
    {% if own.parameters %}
    struct
    {
        bool is;
        double {{own.parameters|join(', ')}};
    } _one_before = {};
    {% endif %}
    {{own.before|autoindent}}

    {% if sleep_of(owner) %}
    for (int32_t _number = _slice.begin; _number < _slice.end; _number++)
    {
        const auto &_part = {{owner.name}}_sleepers.part(_number);
        for (const Stretch &_stretch : _part.dense)
            for (int _idx = _stretch.start; _idx < _stretch.stop; _idx++)
            {
                const size_t _vectorisation_idx = _idx;
                {{own.inside|autoindent}}
            }
        for (const int32_t _idx : _part.awake)
        {
            const size_t _vectorisation_idx = _idx;
            {{own.inside|autoindent}}
        }
    }
    {% else %}
    {% if owner.__class__.__name__ == 'NeuronGroup' %}
    const int _first_idx = slices_{{owner.name}}.first(_slice), _last_idx = slices_{{owner.name}}.last(_slice);
    {% else %}
    const size_t _size = {{constant_or_scalar('N', variables['N'])}};
    const int _first_idx = _slice.first(_size), _last_idx = _slice.last(_size);
    {% endif %}
    for (int _idx = _first_idx; _idx < _last_idx; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{own.inside|autoindent}}
    }
    {% endif %}
{% endblock %}
