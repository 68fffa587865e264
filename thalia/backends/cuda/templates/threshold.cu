{# USES_VARIABLES { N } #}
{% extends 'common_object.cu' %}

{% block after %}
        if (_cond) {
            _crossed = true;
            fire(SOURCE_{{owner.name}}, _idx, _step);
            {% if _uses_refractory %}
            {{get_array_name(variables['not_refractory'])}}[_idx] = false;
            {{get_array_name(variables['lastspike'])}}[_idx] = _step * DT;
            {% endif %}
        }
{% endblock %}
