package dev.smallbatch.model.gpt;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.io.SafeTensorsHeader;
import dev.smallbatch.core.io.SafeTensorsWriter;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.layer.ParameterFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/**
 * The files of a model: {@code config.json} and {@code model.safetensors}. Other files, such as its tokenizer, may lie beside
 * them. To load a model for use:
 *
 * <pre>{@code
 * GptConfig config = ModelDirectory.config(directory);
 * try (Region parameters = Region.create("parameters", Gpt.parameterBytes(config))) {
 *     Gpt model = ModelDirectory.load(directory, parameters);
 * }
 * }</pre>
 */
public final class ModelDirectory {
    /** The architecture, as {@link GptConfigJson}. */
    public static final String CONFIG = "config.json";
    /** The weights. */
    public static final String WEIGHTS = "model.safetensors";

    private static final System.Logger LOG = System.getLogger(ModelDirectory.class.getName());
    private static final int LISTED_PROBLEMS = 5;

    private ModelDirectory() {}

    /**
     * Writes both files into a directory that exists, replacing them there.
     *
     * @throws IOException if they cannot be written
     */
    public static void save(Gpt model, Path directory) throws IOException {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        model.parameters(parameter -> tensors.put(parameter.name(), parameter.value()));
        SafeTensorsWriter.write(directory.resolve(WEIGHTS), tensors, new LinkedHashMap<>());
        AtomicFiles.writeText(directory.resolve(CONFIG), GptConfigJson.write(model.config()).toPrettyString() + "\n");
    }

    /**
     * The architecture of the model in a directory.
     *
     * @throws IOException if there is none, or its configuration is not one
     */
    public static GptConfig config(Path directory) throws IOException {
        Path file = AtomicFiles.locate(directory).resolve(CONFIG);
        try {
            return GptConfigJson.parse(Files.readString(file), file.toString());
        } catch (NoSuchFileException e) {
            throw new IOException(file + ": there is no such file; is " + directory + " a model's directory?", e);
        }
    }

    /**
     * The type in which a model is best loaded.
     *
     * @param weights a file of weights
     * @return BF16 if all matrices and tables are stored so, else F32
     * @throws IOException if the file is missing or damaged
     */
    public static DType dtype(Path weights) throws IOException {
        try (SafeTensors file = SafeTensors.open(weights)) {
            boolean half = file.header().entries().values().stream().filter(entry -> entry.shape().size() > 1)
                    .allMatch(entry -> entry.dtype().equals(DType.BF16.name()));
            return half ? DType.BF16 : DType.F32;
        }
    }

    /**
     * Reads the model in a directory, in the type of {@link #dtype}. The files are not needed afterwards.
     *
     * @param parameters receives the weights; takes at most {@link Gpt#parameterBytes(GptConfig)} of its capacity
     * @throws IOException if a file is missing or damaged, or the weights are not those of the configuration
     */
    public static Gpt load(Path directory, Region parameters) throws IOException {
        Path weights = AtomicFiles.locate(directory).resolve(WEIGHTS);
        return load(weights, config(directory), parameters, dtype(weights));
    }

    /**
     * Reads a file of weights alone, such as that of a checkpoint. Weights stored in another type are converted, and a line
     * of the log says so: BF16 becomes F32 exactly, F32 is rounded to the nearest BF16.
     *
     * @param config the model's architecture
     * @param parameters receives the weights; takes {@link Gpt#parameterBytes(GptConfig, DType)} of its capacity
     * @param dtype of matrices and tables in memory; {@link #dtype} for that of the file
     * @throws IOException if the file is missing or damaged, or the weights are not those of the configuration
     */
    public static Gpt load(Path weights, GptConfig config, Region parameters, DType dtype) throws IOException {
        try (SafeTensors file = SafeTensors.open(weights)) {
            requireFits(file, Gpt.planned(config, dtype).parameters());
            Gpt model = new Gpt(config, ParameterFactory.uninitialized(parameters, dtype));
            Set<String> conversions = new LinkedHashSet<>();
            for (Parameter parameter : model.parameters()) {
                read(file, parameter, conversions);
            }
            conversions.forEach(conversion -> LOG.log(System.Logger.Level.INFO, file.file() + ": " + conversion));
            return model;
        }
    }

    private static void read(SafeTensors file, Parameter parameter, Set<String> conversions) throws IOException {
        String stored = file.header().entries().get(parameter.name()).dtype();
        String wanted = parameter.value().dtype().name();
        if (stored.equals(DType.F32.name()) && wanted.equals(DType.BF16.name())) {
            file.readRounded(parameter.name(), parameter.value());
            conversions.add("weights are stored as F32 and were rounded to the nearest BF16");
        } else {
            file.read(parameter.name(), parameter.value());
            if (!stored.equals(wanted)) {
                conversions.add("weights are stored as " + stored + " and were loaded as " + wanted + ", exactly");
            }
        }
    }

    private static void requireFits(SafeTensors file, List<Parameter> parameters) throws IOException {
        List<String> problems = new ArrayList<>();
        Set<String> unexpected = new LinkedHashSet<>(file.header().entries().keySet());
        for (Parameter parameter : parameters) {
            SafeTensorsHeader.Entry entry = file.header().entries().get(parameter.name());
            unexpected.remove(parameter.name());
            if (entry == null) {
                problems.add(parameter.name() + " is missing");
            } else if (!entry.shape().equals(dims(parameter))) {
                problems.add(parameter.name() + " is " + entry.shape() + ", expected " + dims(parameter));
            }
        }
        unexpected.forEach(name -> problems.add(name + " belongs to no layer"));
        if (!problems.isEmpty()) {
            int more = problems.size() - LISTED_PROBLEMS;
            throw new IOException(file.file() + ": the weights are not those of " + CONFIG + ": "
                    + String.join("; ", problems.subList(0, Math.min(problems.size(), LISTED_PROBLEMS)))
                    + (more > 0 ? "; and " + more + " more" : "") + ". Keep both files of one model together");
        }
    }

    private static List<Long> dims(Parameter parameter) {
        List<Long> dims = new ArrayList<>();
        for (long dim : parameter.value().shape().dims()) {
            dims.add(dim);
        }
        return dims;
    }
}
