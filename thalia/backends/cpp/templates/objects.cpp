{# The arrays of a circuit, its pathways and clocks: declared for the code of the objects, and
   defined in the file that makes them known to the server. #}
{% macro h_file() %}
#pragma once

namespace brian {

{% for variable, name in dynamic_array_specs | dictsort(by='value') %}
extern {{ 'Column' if column_of(variable) else 'Numbers' }}<{{c_data_type(variable.dtype)}}> {{name}};
{% endfor %}
{% for variable, name in array_specs | dictsort(by='value') if not variable in dynamic_array_specs %}
extern {{c_data_type(variable.dtype)}} *{{name}};
{% endfor %}
{% for variable, name in array_specs.items() if variable.name == 'i' and variable.owner.__class__.__name__ != 'Synapses' %}
extern Slices slices_{{variable.owner.name}};
{% endfor %}
{% for each in synapses | sort(attribute='name') %}
{% for path in each._pathways | sort(attribute='name') %}
extern SynapticPathway {{path.name}};
{% endfor %}
{% endfor %}
{% for variable, name in array_specs.items() if variable.name == '_spikespace' and sleep_of(variable.owner) %}
{% set sleep = sleep_of(variable.owner) %}
extern SleepersOf<{{sleep.variables | length}}, {{sleep.reads}}, {{sleep.shifted}}> {{variable.owner.name}}_sleepers;
{% endfor %}

extern Clock defaultclock;

}  // namespace brian
{% endmacro %}

{% macro cpp_file() %}
#include "objects.h"

namespace brian {

{% for variable, name in dynamic_array_specs | dictsort(by='value') %}
{% set column = column_of(variable) %}
{% if column and column.place == 0 %}
static Records<{{column.kind}}> records_of_{{column.object}}({{column.width}});
{% endif %}
{% endfor %}
{% for variable, name in dynamic_array_specs | dictsort(by='value') %}
{% set column = column_of(variable) %}
{% if column %}
Column<{{column.kind}}> {{name}}{records_of_{{column.object}}, {{column.place}}};
{% else %}
Numbers<{{c_data_type(variable.dtype)}}> {{name}};
{% endif %}
{% endfor %}
{% for variable, name in array_specs | dictsort(by='value') if not variable in dynamic_array_specs %}
{{c_data_type(variable.dtype)}} *{{name}};
const int _num_{{name}} = {{variable.size}};
{% endfor %}
{% for variable, name in array_specs.items() if variable.name == 'i' and variable.owner.__class__.__name__ != 'Synapses' %}
Slices slices_{{variable.owner.name}}({{variable.size}});
{% endfor %}
{% for each in synapses | sort(attribute='name') %}
{% for path in each._pathways | sort(attribute='name') %}
SynapticPathway {{path.name}}(
    {{dynamic_array_specs[path.synapse_sources]}}, {{path.source.start}}, {{path.source.stop}},
    {{dynamic_array_specs[each.variables['_synaptic_post']]}}, slices_{{each.target.name}});
{% endfor %}
{% endfor %}
{% for variable, name in array_specs.items() if variable.name == '_spikespace' and sleep_of(variable.owner) %}
{% set sleep = sleep_of(variable.owner) %}
SleepersOf<{{sleep.variables | length}}, {{sleep.reads}}, {{sleep.shifted}}> {{variable.owner.name}}_sleepers("{{variable.owner.name}}");
{% endfor %}
{% for clock in clocks | sort(attribute='name') %}
Clock {{clock.name}};
{% endfor %}
{% for each in networks | sort(attribute='name') %}
Network {{each.name}};
{% endfor %}

}  // namespace brian

// Every array, allocated. The queues have the delays.
static Circuit _initialised()
{
    using namespace brian;

    {% for variable, name in zero_arrays | sort(attribute='1') %}
    {% if name in dynamic_array_specs.values() %}
    {% if column_of(variable) %}
    {{name}}.resize({{variable.size}});
    {% else %}
    {{name}}.assign({{variable.size}}, 0);
    {% endif %}
    {% else %}
    {{name}} = new {{c_data_type(variable.dtype)}}[{{variable.size}}]();
    {% endif %}
    {% endfor %}
    {% for variable, name, start in arange_arrays | sort(attribute='1') %}
    std::iota({{name}}, {{name}} + {{variable.size}}, {{start}});
    {% endfor %}
    {% for clock in clocks | sort(attribute='name') %}
    {{clock.name}}.timestep = {{array_specs[clock.variables['timestep']]}};
    {{clock.name}}.t = {{array_specs[clock.variables['t']]}};
    {{clock.name}}.dt = {{array_specs[clock.variables['dt']]}};
    {% endfor %}
    {% for variable, name in array_specs.items() if variable.name == '_spikespace' and sleep_of(variable.owner) %}
    {% set own = variable.owner.variables %}
    {{variable.owner.name}}_sleepers.start(
        { {%- for each in sleep_of(variable.owner).variables %}{{array_specs[own[each]]}}, {% endfor -%} },
        {{variable.size - 1}}, {{array_specs[own['not_refractory']] if 'not_refractory' in own else 'nullptr'}},
        {{array_specs[variable.owner.clock.variables['timestep']]}});
    {% endfor %}
    {% set paths = synapses | map(attribute='_pathways') | sum(start=[]) | map(attribute='name') | list %}
    return {
        {
            {% for variable, name in array_specs.items() if variable.name != 'delay' or variable.owner.name not in paths %}
            {% if variable in dynamic_array_specs %}
            named("{{variable.owner.name}}.{{variable.name}}", {{dynamic_array_specs[variable]}}),
            {% else %}
            named("{{variable.owner.name}}.{{variable.name}}", {{name}}, {{variable.size}}),
            {% endif %}
            {% endfor %}
        },
        {
            {% for each in synapses %}
            {% for path in each._pathways %}
            {"{{path.name}}", &{{path.name}}},
            {% endfor %}
            {% endfor %}
        },
        {
            {% for variable, name in array_specs.items() if variable.name == '_spikespace' %}
            {"{{variable.owner.name}}", {{name}}, &slices_{{variable.owner.name}}},
            {% endfor %}
        },
        {
            {% for variable, name in array_specs.items() if variable.name == 'i' and variable.owner.__class__.__name__ != 'Synapses' %}
            &slices_{{variable.owner.name}},
            {% endfor %}
        },
        {
            {% for variable, name in array_specs.items() if variable.name == '_spikespace' and sleep_of(variable.owner) %}
            {&{{variable.owner.name}}_sleepers, &slices_{{variable.owner.name}}},
            {% endfor %}
        },
        defaultclock,
    };
}
{% endmacro %}
