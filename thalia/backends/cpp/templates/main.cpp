{# What Brian2 sets before a run; in between, the server loads what Thalia sends. #}
{% for made in code_objects | sort(attribute='name') %}
void _run_{{made.name}}();
{% endfor %}

int main()
{
    const Circuit circuit = _initialised();
    using namespace brian;
    {{main_lines|autoindent}}
    return 0;
}
