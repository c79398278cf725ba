package dev.smallbatch.model.witness;

import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** A golden file on the class path, read into arrays. */
record Golden(Map<String, float[]> floats, Map<String, int[]> ints, Map<String, String> metadata) {
    private static final long BYTES = 4L << 20;

    static Golden read(String resource) {
        Map<String, float[]> floats = new LinkedHashMap<>();
        Map<String, int[]> ints = new LinkedHashMap<>();
        try (SafeTensors file = SafeTensors.open(path(resource)); Region region = Region.create("golden", BYTES)) {
            for (String name : file.header().entries().keySet()) {
                Tensor tensor = file.read(name, region);
                if (tensor.dtype() == DType.I32) {
                    int[] values = new int[(int) tensor.numel()];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (int) tensor.getFlat(i);
                    }
                    ints.put(name, values);
                } else {
                    floats.put(name, tensor.toFloatArray());
                }
            }
            return new Golden(floats, ints, file.metadata());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path path(String resource) {
        try {
            return Path.of(Golden.class.getResource(resource).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(resource, e);
        }
    }
}
