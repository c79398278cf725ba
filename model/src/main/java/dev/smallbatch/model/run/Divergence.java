package dev.smallbatch.model.run;

import dev.smallbatch.optim.train.StepListener;
import dev.smallbatch.optim.train.StepStats;
import java.util.Locale;
import java.util.Optional;

/**
 * Notices a run that goes wrong although every number is finite: its loss is above that of the untrained model. Says so in the
 * log, once, and in {@link #warning}.
 */
final class Divergence implements StepListener {
    private static final System.Logger LOG = System.getLogger(Divergence.class.getName());
    /** Of a step in the mean of training losses. */
    private static final double SHARE = 0.02;
    /** In nats: as far may losses of batches lie from their mean. */
    private static final double MARGIN = 0.5;

    private final RunConfig config;
    private double untrained;
    private double training = Double.NaN;
    private double validation = Double.NaN;
    private long heard;
    private boolean said;

    /** @param untrained loss of the first step; NaN if it is to come, or not known, for which equal probabilities stand */
    Divergence(RunConfig config, double untrained) {
        this.config = config;
        this.untrained = Double.isFinite(untrained) ? untrained : Math.log(config.model().vocabularySize());
    }

    @Override
    public void onStep(StepStats stats) {
        if (Double.isFinite(stats.loss())) {
            untrained = stats.step() == 1 ? stats.loss() : untrained;
            training = Double.isNaN(training) ? stats.loss() : training + SHARE * (stats.loss() - training);
        }
        validation = stats.evalLoss().orElse(validation);
        heard++;
        if (!said && heard * SHARE >= 1 && training > untrained + MARGIN) {
            said = true;
            LOG.log(System.Logger.Level.WARNING, "step " + stats.step() + ": " + describe("mean training", training));
        }
    }

    /** What is wrong at the end and what to do; empty if the model learned anything. */
    Optional<String> warning() {
        boolean evaluated = !Double.isNaN(validation);
        double loss = evaluated ? validation : training;
        boolean diverged = (evaluated || heard * SHARE >= 1) && loss > untrained + MARGIN;
        return diverged ? Optional.of(describe(evaluated ? "validation" : "mean training", loss)) : Optional.empty();
    }

    private String describe(String what, double loss) {
        String matrixRate = config.update().settings().values().get("matrix-lr");
        return String.format(Locale.ROOT, "the %s loss, %.3f, is above that of the untrained model, %.3f: training diverged."
                + " Start again with a learning rate below --lr %s%s, or a longer warm-up than --warmup-frac %s", what, loss,
                untrained, config.update().lr(), matrixRate == null ? "" : " and --set matrix-lr=" + matrixRate,
                config.update().warmupFraction());
    }
}
