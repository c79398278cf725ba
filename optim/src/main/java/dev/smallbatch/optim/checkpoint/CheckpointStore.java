package dev.smallbatch.optim.checkpoint;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.io.AtomicFiles;
import dev.smallbatch.core.io.SafeTensors;
import dev.smallbatch.core.io.SafeTensorsHeader;
import dev.smallbatch.core.io.SafeTensorsWriter;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.batch.BatchController;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;

/**
 * The checkpoint of a run: a directory with {@code model.safetensors}, {@code optimizer.safetensors} and {@code state.json}.
 * It is written beside its place and swapped in, so that a crash at any moment leaves the old one or the new one, complete.
 * Its model is that to evaluate, beside which the optimizer's state has what to go on from it takes.
 * Nothing is loaded that has not been verified: format, lengths, checksums, configuration, names and shapes.
 */
public final class CheckpointStore {
    /** The file of a checkpoint that describes it. */
    public static final String STATE = StateFile.NAME;
    static final String MODEL = "model.safetensors";
    static final String OPTIMIZER = "optimizer.safetensors";

    private final Path directory;
    private final RunIdentity run;

    /**
     * @param directory of the checkpoint; its parent exists, it need not
     * @param run the run that writes here or goes on from here
     */
    public CheckpointStore(Path directory, RunIdentity run) {
        this.directory = directory;
        this.run = run;
    }

    /** True if there is a checkpoint, good or bad. */
    public boolean exists() {
        try {
            return Files.isDirectory(AtomicFiles.locate(directory));
        } catch (IOException none) {
            return false;
        }
    }

    /** Replaces the checkpoint of a run whose batches are all of one size. */
    public void save(long step, long tokens, Optimizer optimizer) throws CheckpointException {
        save(step, tokens, null, optimizer);
    }

    /**
     * Replaces the checkpoint.
     *
     * @param step updates made
     * @param tokens tokens seen
     * @param batch how far the batch has grown, or null
     * @param optimizer whose parameters and state are written
     * @throws CheckpointException if that fails; the checkpoint that was there stays
     */
    public void save(long step, long tokens, BatchController.State batch, Optimizer optimizer) throws CheckpointException {
        try {
            AtomicFiles.replaceDirectory(directory, files -> {
                try (Optimizer.Evaluation _ = optimizer.evaluation()) {
                    SafeTensorsWriter.write(files.resolve(MODEL), model(optimizer), new LinkedHashMap<>());
                    SafeTensorsWriter.write(files.resolve(OPTIMIZER), optimizer.state(), new LinkedHashMap<>());
                }
                StateFile.write(files, new CheckpointState(step, tokens, batch, run));
            });
        } catch (IOException e) {
            throw new CheckpointException(directory, "step " + step + " cannot be saved, the checkpoint before it is unchanged: "
                    + e.getMessage(), e);
        }
    }

    /**
     * Puts parameters and optimizer state back to what they were. Nothing is changed unless all of it can be.
     *
     * @param optimizer of the same parameters and rules as the one that was saved
     * @throws CheckpointException if there is no checkpoint, or it is damaged, of a newer format, or of another run
     */
    public CheckpointState load(Optimizer optimizer) throws CheckpointException {
        try {
            AtomicFiles.recover(directory);
        } catch (IOException e) {
            throw new CheckpointException(directory, "cannot be loaded: " + e.getMessage(), e);
        }
        CheckpointState state = read(directory);
        ConfigDifference.requireNone(directory, state.run(), run);
        try (Optimizer.Evaluation _ = optimizer.evaluation();
                SafeTensors weights = SafeTensors.open(directory.resolve(MODEL));
                SafeTensors memory = SafeTensors.open(directory.resolve(OPTIMIZER))) {
            requireSameTensors(weights, model(optimizer));
            requireSameTensors(memory, optimizer.state());
            readAll(weights, model(optimizer));
            readAll(memory, optimizer.state());
        } catch (CheckpointException e) {
            throw e;
        } catch (IOException e) {
            throw new CheckpointException(directory, "cannot be loaded: " + e.getMessage(), e);
        }
        return state;
    }

    /**
     * What a checkpoint says of itself, its files verified against it. Changes nothing, and finds the checkpoint even while
     * it is being replaced.
     *
     * @throws CheckpointException if there is none, or it is damaged or of a newer format
     */
    public static CheckpointState read(Path directory) throws CheckpointException {
        Path located;
        try {
            located = AtomicFiles.locate(directory);
        } catch (IOException e) {
            throw new CheckpointException(directory, "there is none; check the path or start a new run", e);
        }
        return StateFile.read(located);
    }

    private static SequencedMap<String, Tensor> model(Optimizer optimizer) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        for (Parameter parameter : optimizer.parameters()) {
            tensors.put(parameter.name(), parameter.value());
        }
        return tensors;
    }

    /** The configuration is the same, so a difference here means that the code builds another model of it. */
    private void requireSameTensors(SafeTensors file, Map<String, Tensor> expected) throws CheckpointException {
        Map<String, String> stored = new TreeMap<>();
        for (SafeTensorsHeader.Entry entry : file.header().entries().values()) {
            stored.put(entry.name(), entry.dtype() + " " + entry.shape());
        }
        Map<String, String> wanted = new TreeMap<>();
        expected.forEach((name, tensor) -> wanted.put(name, tensor.dtype() + " " + Arrays.toString(tensor.shape().dims())));
        ConfigDifference difference = ConfigDifference.between(stored, wanted);
        if (!difference.isEmpty()) {
            throw new CheckpointException(directory, file.file().getFileName() + " holds other tensors than this run: "
                    + difference + ". Use the build and the options it was written with, or start a new run");
        }
    }

    private static void readAll(SafeTensors file, Map<String, Tensor> tensors) throws IOException {
        for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
            file.read(tensor.getKey(), tensor.getValue());
        }
    }
}
