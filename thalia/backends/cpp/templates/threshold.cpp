{# USES_VARIABLES { N } #}
{# The neurons that cross the threshold. Few do in a step, so a block of neurons is first tested for
   any crossing, without a branch per neuron, which the compiler vectorises. #}
{% extends 'common_group.cpp' %}

{% block pointers %}
    {# whether neurons are refractory is read by the review as well #}
    {{pointers_lines|map('replace', '__restrict', '' if sleep_of(owner) else '__restrict')|list|autoindent}}
{% endblock %}

{% block maincode %}
    // scalar code
    const int _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    auto &_own_slices = slices_{{owner.name}};
    int32_t *const _found_here = _own_slices.found.data() + _own_slices.first(_slice);
    int32_t _count = 0;
    {% if sleep_of(owner) %}
    for (int32_t _number = _slice.begin; _number < _slice.end; _number++)
    for (const Stretch &_stretch : {{owner.name}}_sleepers.part(_number).dense)
    for (size_t _first = _stretch.start, _last_idx = _stretch.stop; _first < _last_idx; _first += {{neurons_asked}})
    {% else %}
    const size_t _last_idx = _own_slices.last(_slice);
    for (size_t _first = _own_slices.first(_slice); _first < _last_idx; _first += {{neurons_asked}})
    {% endif %}
    {
        const size_t _size = std::min<size_t>({{neurons_asked}}, _last_idx - _first);
        {% if chance(vector_code) %}
        bool _may_spike = false;  // no number is drawn for neurons that are all silent
        for (size_t _k = 0; _k < _size; _k++)
        {
            const size_t _idx = _first + _k;
            const size_t _vectorisation_idx = _idx;
            {{chance(vector_code)|autoindent}}
        }
        if (!_may_spike) continue;
        {% endif %}
        char _crossed[{{neurons_asked}}];
        char _any = 0;
        for (size_t _k = 0; _k < _size; _k++)
        {
            const size_t _idx = _first + _k;
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _crossed[_k] = _cond;
            _any |= _cond;
        }
        for (size_t _k = 0; _any && _k < _size; _k++)
        {
            if (!_crossed[_k]) continue;
            const size_t _idx = _first + _k;
            _found_here[_count++] = _idx;
            {% if _uses_refractory %}
            {{not_refractory}}[_idx] = false;
            {{lastspike}}[_idx] = {{t}};
            {% endif %}
        }
    }
    {% if sleep_of(owner) %}
    for (int32_t _number = _slice.begin; _number < _slice.end; _number++)
    for (const int32_t _idx : {{owner.name}}_sleepers.part(_number).awake)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
        if (!_cond) continue;
        _found_here[_count++] = _idx;
        {% if _uses_refractory %}
        {{not_refractory}}[_idx] = false;
        {{lastspike}}[_idx] = {{t}};
        {% endif %}
    }
    std::sort(_found_here, _found_here + _count);
    {{owner.name}}_sleepers.review(_slice.begin, _slice.end);
    {% endif %}
    _own_slices.note(_slice, _count);
{% endblock %}
