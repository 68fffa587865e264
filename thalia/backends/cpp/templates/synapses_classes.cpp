{# The spikes in flight along a pathway, instead of Brian2's queue of copied synapse indices. #}
{% macro cpp_file() %}
{% endmacro %}

{% macro h_file() %}
#ifndef _BRIAN_SYNAPSES_H
#define _BRIAN_SYNAPSES_H

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <vector>

using namespace std;  // the templates of Brian2 expect it of this header

// Positions in the order of a pathway, such as those of the synapses of one neuron with one delay.
struct Range { int32_t start, stop; };

// Spikes in flight are ranges, one for each neuron that spiked and each of its delays. They arrive
// in the order in which they were pushed, and within a range in the order of the synapses, as from
// Brian2's own queue.
class SynapticPathway
{
public:
    const std::vector<int32_t> &neurons;  // of each synapse, the one whose spikes it receives
    std::vector<int32_t> order;  // synapses by (neuron, delay); empty if they are sorted already
    // in_flight[(present + d) % size] arrives in d steps
    std::vector<std::vector<Range>> in_flight{1};
    int32_t present = 0;
    // for Brian2's dump of all arrays, which is never called
    std::vector<const SynapticPathway *> queue{this};

    SynapticPathway(const std::vector<int32_t> &neurons, int32_t first_neuron, int32_t end_neuron)
        : neurons(neurons), first_neuron(first_neuron), bundles_of(end_neuron - first_neuron + 1) {}

    // Sort synapses by (neuron, delay); `delays` has one number of steps per synapse or for all.
    void link(const int32_t *delays, size_t count)
    {
        const bool one = count == 1;
        const size_t synapses = neurons.size();
        order.clear();
        bundles.clear();
        int32_t longest = 0;
        for (size_t k = 0; k < count; k++) longest = std::max(longest, delays[k]);
        in_flight.assign(longest + 1, {});
        const auto delay = [=](size_t synapse) { return delays[one ? 0 : synapse]; };
        bool is_sorted = true;
        for (size_t k = 1; k < synapses && is_sorted; k++)
            is_sorted = neurons[k - 1] < neurons[k] ||
                        (neurons[k - 1] == neurons[k] && delay(k - 1) <= delay(k));
        if (!is_sorted) sort(delay);
        for (int pass = 0; pass < 2; pass++) {  // count, so that no memory is wasted, then write
            size_t made = 0;
            for (size_t k = 0; k < synapses; k++) {
                const size_t synapse = is_sorted ? k : order[k];
                const size_t last = k ? (is_sorted ? k - 1 : order[k - 1]) : 0;
                if (k && neurons[synapse] == neurons[last] && delay(synapse) == delay(last))
                    continue;
                if (pass) {
                    bundles[made] = {static_cast<int32_t>(k), delay(synapse)};
                    bundles_of[neurons[synapse] - first_neuron + 1] = made + 1;
                }
                made++;
            }
            if (!pass) bundles.resize(made + 1);
        }
        bundles.back() = {static_cast<int32_t>(synapses), 0};
        for (size_t k = 1; k < bundles_of.size(); k++)
            bundles_of[k] = std::max(bundles_of[k], bundles_of[k - 1]);
    }

    void push(const int32_t *spikes, int32_t count)
    {
        const size_t steps = in_flight.size();
        const int32_t end_neuron = first_neuron + bundles_of.size() - 1;
        for (int32_t k = 0; k < count; k++) {
            if (spikes[k] < first_neuron || spikes[k] >= end_neuron) continue;
            const int32_t neuron = spikes[k] - first_neuron;
            for (int32_t b = bundles_of[neuron]; b < bundles_of[neuron + 1]; b++) {
                size_t slot = present + bundles[b].delay;
                if (slot >= steps) slot -= steps;
                in_flight[slot].push_back({bundles[b].start, bundles[b + 1].start});
            }
        }
    }

    void advance()
    {
        in_flight[present].clear();
        present = (present + 1) % in_flight.size();
    }

    const std::vector<Range> &arriving() const { return in_flight[present]; }

private:
    struct Bundle { int32_t start, delay; };
    int32_t first_neuron;
    std::vector<int32_t> bundles_of;  // the first bundle of each neuron
    std::vector<Bundle> bundles;      // and one more, which marks the end of the last

    template <class Delay> void sort(const Delay &delay)
    {
        std::vector<size_t> next(bundles_of.size() + 1);
        for (int32_t neuron : neurons) next[neuron - first_neuron + 1]++;
        std::partial_sum(next.begin(), next.end(), next.begin());
        const std::vector<size_t> starts = next;
        order.resize(neurons.size());
        for (size_t k = 0; k < neurons.size(); k++) order[next[neurons[k] - first_neuron]++] = k;
        const auto sooner = [&](int32_t a, int32_t b) { return delay(a) < delay(b); };
        for (size_t k = 0; k + 1 < starts.size(); k++)
            std::stable_sort(order.begin() + starts[k], order.begin() + starts[k + 1], sooner);
    }
};

inline std::ostream &operator<<(std::ostream &stream, const SynapticPathway &) { return stream; }

#endif
{% endmacro %}
