package dev.smallbatch.optim.train;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Tape;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.curvature.HessianProduct;
import dev.smallbatch.optim.curvature.Lanczos;
import dev.smallbatch.optim.curvature.LearnedSgd;
import dev.smallbatch.optim.curvature.Spectrum;
import java.util.List;

/**
 * The largest curvature of the loss on the batch of a step, for rules that make their rate of it: ten steps of Lanczos' method,
 * 20 gradients, in memory of the optimizer's region. The start vector is a function of the run's seed and the step.
 */
final class BatchSpectrum {
    private static final int PRODUCTS = 10;

    private final Optimizer optimizer;
    private final HessianProduct hessian;
    private final Lanczos lanczos;

    /** @param tape of training steps, which is used before their forward pass or after their backward pass */
    BatchSpectrum(LossModel model, Optimizer optimizer, Tape tape, int microBatches) {
        this.optimizer = optimizer;
        this.hessian = new HessianProduct(model, tape, microBatches, optimizer.region());
        this.lanczos = new Lanczos(hessian.size(), PRODUCTS, false, optimizer.region());
    }

    /** Bytes of the optimizer's region that it takes with these rules. */
    static long bytes(List<ParameterGroup> groups, List<Parameter> parameters) {
        long size = parameters.stream().mapToLong(parameter -> parameter.value().numel()).sum();
        return groups.stream().noneMatch(group -> LearnedSgd.of(group.rule()).isPresent()) ? 0
                : HessianProduct.bytes(parameters) + Lanczos.bytes(size, PRODUCTS, false);
    }

    Spectrum of(Batch batch, long step) {
        return lanczos.run(hessian.on(batch), optimizer.key().fork("curvature").fork("lanczos").at(step));
    }
}
