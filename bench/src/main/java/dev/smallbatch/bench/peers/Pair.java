package dev.smallbatch.bench.peers;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/**
 * What two programs printed that ran one after the other.
 *
 * @param firstRanFirst the order
 * @param first lines of {@link Comparison#first}
 * @param second lines of its rival; empty if there is none
 */
record Pair(boolean firstRanFirst, List<JsonNode> first, List<JsonNode> second) {
    Pair {
        first = List.copyOf(first);
        second = List.copyOf(second);
    }
}
