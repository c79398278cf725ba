package dev.smallbatch.optim.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.common.collect.MapDifference;
import com.google.common.collect.Maps;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** How the contents of a checkpoint differ from what a run expects, by name. */
record ConfigDifference(MapDifference<String, String> differences) {
    private static final int SHOWN = 10;

    static ConfigDifference between(Map<String, String> stored, Map<String, String> wanted) {
        return new ConfigDifference(Maps.difference(stored, wanted));
    }

    static void requireNone(Path directory, RunIdentity stored, RunIdentity wanted) throws CheckpointException {
        ConfigDifference difference = between(flatten(stored), flatten(wanted));
        if (!difference.isEmpty()) {
            throw new CheckpointException(directory, "is of another run: " + difference
                    + ". Go on with its values, or start a new run in another directory");
        }
    }

    boolean isEmpty() {
        return differences.areEqual();
    }

    /** For example {@code model.dim is 64 in the checkpoint, 128 in this run}. */
    @Override
    public String toString() {
        Map<String, String> lines = new TreeMap<>();
        differences.entriesDiffering().forEach((name, values) ->
                lines.put(name, values.leftValue() + " in the checkpoint, " + values.rightValue() + " in this run"));
        differences.entriesOnlyOnLeft().forEach((name, value) ->
                lines.put(name, value + " in the checkpoint, absent in this run"));
        differences.entriesOnlyOnRight().forEach((name, value) ->
                lines.put(name, "absent in the checkpoint, " + value + " in this run"));
        Stream<String> shown = lines.entrySet().stream().limit(SHOWN).map(line -> line.getKey() + " is " + line.getValue());
        Stream<String> rest = lines.size() > SHOWN ? Stream.of(lines.size() - SHOWN + " more") : Stream.empty();
        return Stream.concat(shown, rest).collect(Collectors.joining("; "));
    }

    private static Map<String, String> flatten(RunIdentity run) {
        Map<String, String> values = new TreeMap<>();
        values.put("seed", Long.toString(run.seed()));
        flatten("config", StateFile.canonical(run.config()), values);
        return values;
    }

    private static void flatten(String path, JsonNode node, Map<String, String> values) {
        if (node.isObject() && !node.isEmpty()) {
            node.properties().forEach(member -> flatten(path + "." + member.getKey(), member.getValue(), values));
        } else {
            values.put(path, node.toString());
        }
    }
}
