{# USES_VARIABLES { _spikespace, neuron_index, _timebins, _period_bins, _lastindex, t_in_timesteps, N } #}
{# What is played is handed to the program, which has one kernel for it; see kernels.py. #}
{% macro h_file() %}
{% endmacro %}
{% macro cu_file() %}
{% endmacro %}
