package dev.smallbatch.bench.experiments;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.smallbatch.model.run.OptimizerKind;
import dev.smallbatch.optim.batch.Decay;
import java.util.Map;

/**
 * The settings of one training run: a cell of an experiment's grid, and half of a line of its results. Of each pair of beta and
 * half-life at most one is given; what is null does not apply.
 *
 * @param optimizer sgd, adam, adafactor or muon; with settings, any name that {@code train --optimizer} takes
 * @param batch sequences per update
 * @param lr peak learning rate; for Muon that of the matrices
 * @param beta1 decay per step of the mean of gradients; Muon's momentum
 * @param t1 the same as a half-life in tokens
 * @param beta2 decay per step of the mean of squared gradients; Adafactor's exponent
 * @param t2 the same as a half-life in tokens
 * @param weightDecay decoupled; null for none, with settings for the optimizer's usual
 * @param tableLr learning rate of the embedding tables, which Muon leaves to AdamW
 * @param tableT1 half-life in tokens of their mean of gradients; null for beta1 0.9
 * @param weights f32, or bf16 rounded to nearest or stochastically: bf16-nearest, bf16-stochastic
 * @param microBatches parts of a batch whose gradients are accumulated; null for as few as the scale wants
 * @param clip largest norm of all gradients together; null for any
 * @param settings of that optimizer, where they are not the usual ones
 * @param seed of first weights, order of the data and rounding
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Cell(String optimizer, int batch, double lr, Double beta1, Double t1, Double beta2, Double t2, Double weightDecay,
        Double tableLr, Double tableT1, String weights, Integer microBatches, Double clip, Map<String, String> settings,
        long seed) {
    Cell {
        if (beta1 != null && t1 != null || beta2 != null && t2 != null) {
            throw new IllegalArgumentException("experiment: a decay is given both per step and as a half-life; give one of beta1 "
                    + beta1 + " and t1 " + t1 + ", one of beta2 " + beta2 + " and t2 " + t2);
        }
    }

    /** With an optimizer of the training command and its usual decays. */
    Cell(OptimizerKind optimizer, int batch, double lr, Map<String, String> settings, long seed) {
        this(optimizer.option(), batch, lr, null, null, null, null, null, null, null, null, null, null, settings, seed);
    }

    Decay firstMoment() {
        return t1 == null ? new Decay.PerStep(beta1) : new Decay.HalfLife(t1);
    }

    Decay secondMoment() {
        return t2 == null ? new Decay.PerStep(beta2) : new Decay.HalfLife(t2);
    }

    /** The same run with another seed. */
    Cell withSeed(long other) {
        return new Cell(optimizer, batch, lr, beta1, t1, beta2, t2, weightDecay, tableLr, tableT1, weights, microBatches, clip,
                settings, other);
    }
}
