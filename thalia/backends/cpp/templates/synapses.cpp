{# A pass over the synapses at which spikes arrive. Those of a presynaptic spike are contiguous in
   memory; those of a postsynaptic spike are scattered, so their state is prefetched. Neurons that
   may be asleep are brought to the present before it. #}
{% extends 'common_synapses.cpp' %}

{% block pointers %}
    {% set sleeping = touched(variables, variable_indices) %}
    {{pointers_lines|map('replace', '__restrict', '' if sleeping else '__restrict')|list|autoindent}}
{% endblock %}

{% block maincode %}
{% macro prefetch() %}
{% for name, variable in variables | dictsort %}
{% if variable.array is defined and variable.array and not variable.scalar and variable_indices[name] == '_idx' %}
__builtin_prefetch(&{{get_array_name(variable)}}[_later]);
{% endif %}
{% endfor %}
{% endmacro %}
{% macro visit(sleeping) %}
{% for group, side in sleeping %}
decltype({{group}}_sleepers)::Pass {{group}}{{side}}({{group}}_sleepers);
{% endfor %}
{% if sleeping %}
Ahead _ahead({{pathway.name}}, _slice, {{neurons_ahead}});
{% endif %}
    {% set code = in_turn(vector_code) %}
    {% if '_turn' in code %}
    uint32_t _turn = 0;  // of the spikes of one neuron in one step, which follow one another
    {% endif %}
    for (size_t _next = 0; _next < _arriving.size(); _next++)
    {
        {% if '_turn' in code %}
        _turn = _next && _arriving[_next].bundle == _arriving[_next - 1].bundle ? _turn + 1 : 0;
        {% endif %}
        if (_next + 2 * {{ranges_ahead}} < _arriving.size())
            {{pathway.name}}.prefetch(_arriving[_next + 2 * {{ranges_ahead}}], _slice);
        if (_in_order && _next + {{ranges_ahead}} < _arriving.size())
        {
            const size_t _later = {{pathway.name}}.own(_arriving[_next + {{ranges_ahead}}], _slice).start;
            {{prefetch()|autoindent}}
        }
        const Range _range = {{pathway.name}}.own(_arriving[_next], _slice);
        const int32_t _stop = _range.stop;
        for (int32_t _position = _range.start; _position < _stop; _position++)
        {
            if (!_in_order && _position + {{synapses_ahead}} < _stop)
            {
                const size_t _later = _order[_position + {{synapses_ahead}}];
                {{prefetch()|autoindent}}
            }
            {% if sleeping %}
            if (_in_order && !_ahead.is_over())
            {
                {% for group, side in sleeping %}
                {{group}}{{side}}.prefetch({{get_array_name(variables[side])}}[_ahead.position()]);
                {% endfor %}
                _ahead.next();
            }
            {% endif %}
            const size_t _idx = _in_order ? _position : _order[_position];
            const size_t _vectorisation_idx = _idx;
            {% for group, side in sleeping %}
            {{group}}{{side}}.touch({{get_array_name(variables[side])}}[_idx]);
            {% endfor %}
            {{code|autoindent}}
            {% for group, side in sleeping %}
            {{group}}{{side}}.check({{side}});
            {% endfor %}
        }
    }
{% endmacro %}
    {% set sleeping = touched(variables, variable_indices) %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const std::vector<Range> &_arriving = {{pathway.name}}.arriving();
    const int32_t *const _order = {{pathway.name}}.order.data();
    const bool _in_order = {{pathway.name}}.order.empty();
    {% if sleeping %}
    if ({% for group, side in sleeping %}{{group}}_sleepers.has_asleep(_slice.begin, _slice.end){{ '' if loop.last else ' || ' }}{% endfor %})
    {
        {{visit(sleeping)}}
        return;
    }
    {% endif %}
    {{visit([])}}
{% endblock %}
