package dev.smallbatch.model.run;

import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.data.Corpus;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.tokenizer.Encoder;
import dev.smallbatch.model.tokenizer.TokenBuffer;
import dev.smallbatch.model.tokenizer.Tokenizer;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.Evaluator;
import java.io.IOException;
import java.util.Arrays;
import java.util.function.LongConsumer;

/**
 * Judges texts with a model: all documents in one stream, a separator before each, cut into sequences of the model's length
 * without overlap. The very first token is context alone.
 */
final class TextEvaluation {
    private final Gpt model;
    private final Tokenizer tokenizer;
    private final Kernels kernels;
    private final int seqLen;
    private final int[] pending;
    private int pendingCount;
    private long tokens;
    private long bytes;
    private double nats;

    TextEvaluation(Gpt model, Tokenizer tokenizer, Kernels kernels) {
        this.model = model;
        this.tokenizer = tokenizer;
        this.kernels = kernels;
        this.seqLen = model.config().seqLen();
        this.pending = new int[seqLen + 1];
    }

    TextLoss evaluate(Corpus corpus, LongConsumer bytesDone) throws IOException {
        try (Region data = Region.create("data", Batch.bytes(1, seqLen));
                Region step = Region.create("step", stepBytes())) {
            Batch batch = Batch.allocate(data, 1, seqLen);
            Evaluator evaluator = new Evaluator(model, kernels, step, batch, (index, ids, targets) -> sequence(ids, targets), 1);
            Encoder encoder = tokenizer.encoder();
            TokenBuffer ids = new TokenBuffer();
            corpus.read(chunk -> {
                ids.clear();
                if (chunk.first()) {
                    ids.add(tokenizer.documentSeparator());
                }
                encoder.encode(chunk.bytes(), chunk.from(), chunk.to(), ids);
                for (int i = 0; i < ids.size(); i++) {
                    push(ids.get(i), evaluator);
                }
            }, bytesDone);
            if (pendingCount > 1) {
                judge(evaluator);
            }
        }
        return new TextLoss(tokens, bytes, nats);
    }

    private void push(int id, Evaluator evaluator) {
        if (pendingCount == pending.length) {
            judge(evaluator);
            pending[0] = pending[pending.length - 1];
            pendingCount = 1;
        }
        pending[pendingCount++] = id;
    }

    private void judge(Evaluator evaluator) {
        int targets = pendingCount - 1;
        nats += evaluator.loss() * targets;
        tokens += targets;
        for (int i = 1; i < pendingCount; i++) {
            bytes += pending[i] == tokenizer.documentSeparator() ? 0 : tokenizer.tokenBytes(pending[i]).length;
        }
    }

    /** The pending tokens as a sequence; a last one that is not full ends in targets that do not count. */
    private void sequence(int[] ids, int[] targets) {
        int count = pendingCount - 1;
        System.arraycopy(pending, 0, ids, 0, count);
        System.arraycopy(pending, 1, targets, 0, count);
        Arrays.fill(ids, count, ids.length, 0);
        Arrays.fill(targets, count, targets.length, -1);
    }

    private long stepBytes() {
        try (Backend none = Backends.open("none", new BackendOptions(1));
                Region step = Region.counting("step");
                Region data = Region.counting("data")) {
            Tape tape = new Tape(none.kernels(), step, Tape.Mode.FORWARD_ONLY);
            model.loss(tape.ops(), Batch.allocate(data, 1, seqLen), 1);
            return step.peak();
        }
    }
}
