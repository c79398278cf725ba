package dev.smallbatch.model.generate;

import dev.smallbatch.core.autograd.Ops;
import dev.smallbatch.core.autograd.Var;
import dev.smallbatch.core.spi.AttentionKernels;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.layer.AttentionContext;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Keys and values of one sequence so far, for every block, so that a new token costs one row instead of a whole forward
 * pass. New tokens may come one by one or several at a time: their keys and values are stored, then each attends to the rows
 * up to its own. Works on tapes that do not record.
 */
final class KeyValueCache implements AttentionContext {
    private final AttentionKernels kernels;
    private final List<Tensor> keys = new ArrayList<>();
    private final List<Tensor> values = new ArrayList<>();
    private final Tensor attended;
    private int length;

    /**
     * @param config of the model; the cache holds its longest sequence
     * @param chunk most new tokens at a time
     * @param kernels to attend with
     * @param region where the cache lives
     */
    KeyValueCache(GptConfig config, int chunk, Kernels kernels, Region region) {
        this.kernels = kernels.attention();
        Shape shape = Shape.of(1, config.seqLen(), config.dim());
        for (int layer = 0; layer < config.layers(); layer++) {
            keys.add(region.allocate(DType.F32, shape));
            values.add(region.allocate(DType.F32, shape));
        }
        attended = region.allocate(DType.F32, Shape.of(chunk, config.dim()));
    }

    /** Position of the next token: the number of tokens stored in every block. */
    @Override
    public int start() {
        return length;
    }

    /** Forgets the sequence. */
    void clear() {
        length = 0;
    }

    /** Makes tokens that went through every block part of the sequence. */
    void advance(int tokens) {
        length += tokens;
    }

    /** {@inheritDoc} The result shares memory with that of every other call. */
    @Override
    public Var attend(Ops ops, int layer, Var qkv, AttentionSpec spec) {
        int time = spec.time();
        Tensor rows = qkv.value().reshape(Shape.of(time, spec.qkvCols()));
        store(keys.get(layer), rows, spec.keyCol());
        store(values.get(layer), rows, spec.valueCol());
        AttentionSpec one = new AttentionSpec(1, 1, spec.heads(), spec.kvHeads(), spec.headSize());
        for (int t = 0; t < time; t++) {
            kernels.attentionDecode(attended.rows(t, t + 1), rows.rows(t, t + 1), keys.get(layer), values.get(layer),
                    length + t + 1, one);
        }
        return new Var(attended.rows(0, time).reshape(spec.outShape()), -1);
    }

    private void store(Tensor cache, Tensor rows, int firstCol) {
        if (cache.isPlanned()) {
            return;
        }
        MemorySegment from = rows.segment();
        MemorySegment to = cache.segment();
        int elementBytes = DType.F32.bytes();
        long rowBytes = rows.shape().cols() * elementBytes;
        long cacheRowBytes = cache.shape().cols() * elementBytes;
        for (int t = 0; t < rows.shape().rows(); t++) {
            long source = t * rowBytes + (long) firstCol * elementBytes;
            MemorySegment.copy(from, source, to, (length + t) * cacheRowBytes, cacheRowBytes);
        }
    }
}
