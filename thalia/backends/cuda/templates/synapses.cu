{# The synapses at which spikes arrive: some warps for each neuron that spiked and each of its delays. #}
{% extends 'common_object.cu' %}

{% block function %}
__global__ void run(const int _ahead)
{
    extern __shared__ int32_t _before[];
    const Pathway &_path = pathways[PATHWAY_{{pathway.name}}];
    const int64_t _step = now(_ahead);
    count_arrivals(_path, _step, _before);
    const int32_t _split = _path.split, _parts = _before[_path.delays] << _split;
    const int32_t _warps = gridDim.x * blockDim.x / 32;
    int32_t _part = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
    if (_part >= _parts) return;
    const int64_t _vectorisation_idx = 0;
    NOW(_step)
    {{kernel_lines|autoindent}}
    {{constants()|autoindent}}
    // scalar code
    {{scalar_code|autoindent}}
    // for each
    for (; _part < _parts; _part += _warps) {
        const int2 _range = arrival(_path, _step, _before, _part >> _split);
        const int32_t _own = (_part & ((1 << _split) - 1)) * 32 + threadIdx.x % 32;
        for (int32_t _position = _range.x + _own; _position < _range.y; _position += 32 << _split) {
            const int64_t _idx = _path.order ? _path.order[_position] : _position;
            const int64_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
        }
    }
}
{% endblock %}
