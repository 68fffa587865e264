{# USES_VARIABLES { N } #}
{% extends 'common_object.cu' %}
