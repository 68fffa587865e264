{# What Brian2 sets before a run; in between, the server loads what Thalia sends. #}
{% for made in code_objects | sort(attribute='name') %}
void _run_{{made.name}}(const Slice &);
static const Object object_{{made.name}} = {{object_of(made)}};
{% endfor %}

int main()
{
    const Circuit circuit = _initialised();
    using namespace brian;
    {{with_objects(main_lines)|autoindent}}
    return 0;
}
