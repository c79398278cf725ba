package dev.smallbatch.optim.curvature;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.rule.OptimizerState;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.StepContext;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.rule.WeightAverage;
import dev.smallbatch.optim.rule.WeightRounding;
import dev.smallbatch.optim.schedule.Schedule;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Function;
import java.util.function.LongFunction;

/**
 * {@link Sgd} with heavy-ball momentum, whose learning rate and momentum are learned from the curvature on the way: before the
 * updates 0, E, 2E, ... a spectrum is measured and {@link LearnedRate} made of it, smoothed and at most doubled. Ten Lanczos
 * steps cost as much as 20 gradients. A schedule says what part of the learned rate an update has. Our reconstruction of what its
 * source describes in a sentence.
 *
 * <pre>{@code
 * LearnedSgd rule = new LearnedSgd(new Constant(0.5), spectrum -> LearnedRate.ofMomentum(spectrum, 0.9, 1), 100, 0);
 * rule.learnFrom(step -> {
 *     fresh.fill(source, step);                        // a batch of the training's size, not of its data
 *     return lanczos.run(hessian.on(fresh), key.at(step));
 * });
 * }</pre>
 *
 * <p>Unlike other rules it changes: it remembers what it has learned, for one run. Each parameter's state has a copy, beside 4
 * bytes of momentum for each weight, so that a checkpoint keeps it.
 */
public final class LearnedSgd implements UpdateRule {
    private final Schedule part;
    private final Function<Spectrum, LearnedRate> policy;
    private final long every;
    private final double weightDecay;
    private LongFunction<Spectrum> curvature;
    private Tensor kept;
    private LearnedRate learned;
    private long learnedAt = -1;

    /**
     * Learns nothing yet; {@link #learnFrom} says from what, which a {@code TrainStep} does.
     *
     * @param part of the learned rate that updates have
     * @param policy what to make of a spectrum
     * @param every E, at least 1
     * @param weightDecay decoupled
     */
    public LearnedSgd(Schedule part, Function<Spectrum, LearnedRate> policy, long every, double weightDecay) {
        if (every < 1) {
            throw new IllegalArgumentException("learned sgd: curvature every " + every + " steps; at least 1");
        }
        this.part = part;
        this.policy = policy;
        this.every = every;
        this.weightDecay = weightDecay;
    }

    /** The rule, or the one whose weights it averages, if it is such a one. */
    public static Optional<LearnedSgd> of(UpdateRule rule) {
        return switch (rule) {
            case LearnedSgd learner -> Optional.of(learner);
            case WeightAverage average -> of(average.rule());
            default -> Optional.empty();
        };
    }

    /**
     * Says where spectra come from.
     *
     * @param spectra the one before an update, for example of 10 Lanczos steps; the same for the same weights and step
     */
    public void learnFrom(LongFunction<Spectrum> spectra) {
        curvature = spectra;
    }

    /** What was learned last; null before the first update. */
    public LearnedRate learned() {
        return learned;
    }

    @Override
    public OptimizerState init(Parameter parameter, Region region) {
        SequencedMap<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("m", parameter.value().shape());
        shapes.put("learned", Shape.of(2));
        OptimizerState state = OptimizerState.zeros(region, shapes);
        kept = state.get("learned");
        return state;
    }

    @Override
    public int scalarCount() {
        return sgd(0, 0).scalarCount();
    }

    /**
     * As {@link UpdateRule} has it; measures the curvature first if it is time, or nothing is known of it. In a resumed run the
     * state says what was learned.
     *
     * @throws IllegalStateException if nobody has said where spectra come from
     * @throws ArithmeticException if the first spectrum has nothing positive
     */
    @Override
    public float[] scalars(StepContext context) {
        if (curvature == null) {
            throw new IllegalStateException("learned sgd: no curvature to learn from; step by a TrainStep, or call learnFrom");
        }
        if (learned == null && kept != null && kept.getFlat(0) > 0) {
            learned = new LearnedRate(kept.getFlat(0), kept.getFlat(1));
        }
        if ((learned == null || context.step() % every == 0) && context.step() != learnedAt) {
            learn(curvature.apply(context.step()));
            learnedAt = context.step();
        }
        return sgd(context.value(lr()), momentum()).scalars(context);
    }

    /** Rounded to float, as a checkpoint keeps it. Without positive curvature, or where it is not finite, nothing changes. */
    private void learn(Spectrum spectrum) {
        if (Double.isFinite(spectrum.largest()) && spectrum.largest() > 0) {
            LearnedRate fresh = policy.apply(spectrum);
            LearnedRate next = learned == null ? fresh : fresh.after(learned);
            learned = new LearnedRate((float) next.lr(), (float) next.momentum());
        } else if (learned == null && Double.isFinite(spectrum.largest())) {
            throw new ArithmeticException("learned sgd: the largest curvature before the first update is " + spectrum.largest()
                    + ", which says nothing of a learning rate; start with a fixed one");
        }
    }

    /** Writes what was learned into the state. */
    @Override
    public void prepare(Parameter parameter, Tensor gradient, OptimizerState state, StepContext context, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        if (learned != null) {
            state.get("learned").segment().setAtIndex(ValueLayout.JAVA_FLOAT, 0, (float) learned.lr());
            state.get("learned").segment().setAtIndex(ValueLayout.JAVA_FLOAT, 1, (float) learned.momentum());
        }
    }

    @Override
    public void update(Parameter parameter, Tensor gradient, OptimizerState state, Tensor scalars, Tensor scratch,
            WeightRounding rounding, Kernels kernels) {
        sgd(rate(), momentum()).update(parameter, gradient, state, scalars, scratch, rounding, kernels);
    }

    @Override
    public Schedule lr() {
        return new Schedule() {
            @Override
            public double at(long position) {
                return rate() * part.at(position);
            }

            @Override
            public double at(long step, long tokens, long tokensPerStep) {
                return rate() * part.at(step, tokens, tokensPerStep);
            }
        };
    }

    private double momentum() {
        return learned == null ? 0 : learned.momentum();
    }

    private double rate() {
        return learned == null ? 0 : learned.lr();
    }

    private Sgd sgd(double lr, double momentum) {
        return new Sgd(step -> lr, momentum, weightDecay);
    }
}
