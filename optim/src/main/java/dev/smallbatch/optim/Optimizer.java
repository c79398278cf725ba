package dev.smallbatch.optim;

import dev.smallbatch.core.autograd.GradientSink;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.rule.CurvatureRule.Estimator;
import dev.smallbatch.optim.rule.OptimizerState;
import dev.smallbatch.optim.rule.StepContext;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.rule.WeightRounding;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Updates parameters, in one of two ways. {@link #applyDuringBackward}: each parameter is updated as soon as its gradient
 * is complete, whose memory is then reused; nothing the size of the model is kept but the rules' state. {@link #accumulate}
 * and {@link #apply}: gradients are summed in memory of their own first, which clipping by global norm and gradient
 * accumulation need.
 *
 * <p>Its region owns state and gradients; used by one thread.
 */
public final class Optimizer {
    private final Clipping clipping;
    private final Optional<UpdateRule> needsNorm;
    private final Kernels kernels;
    private final Region region;
    private final Map<Parameter, Slot> slots = new LinkedHashMap<>();
    private final Map<UpdateRule, Tensor> scalars = new LinkedHashMap<>();
    private final UpdateRule first;
    private final RandomKey key;
    private final Tensor sumOfSquares;
    private final Tensor scratch;
    private boolean measuresNorm;
    private boolean skipped;
    private boolean evaluating;
    private double squares;
    private double gradientScale;

    /** A parameter with what belongs to it. */
    private static final class Slot {
        private final UpdateRule rule;
        private final OptimizerState state;
        private final WeightRounding rounding;
        private Tensor gradient;
        private boolean hasGradient;

        Slot(UpdateRule rule, OptimizerState state, WeightRounding rounding) {
            this.rule = rule;
            this.state = state;
            this.rounding = rounding;
        }
    }

    /**
     * As the other constructor, for parameters that need no rounding.
     *
     * @throws IllegalArgumentException if one of them is BF16, too
     */
    public Optimizer(List<ParameterGroup> groups, Clipping clipping, List<Parameter> parameters, Kernels kernels, Region region) {
        this(groups, clipping, requireF32(parameters), kernels, region, Rounding.STOCHASTIC, 0);
    }

    /**
     * Allocates the state of every parameter, all zeros.
     *
     * @param groups select every parameter exactly once
     * @param kernels of an open back end
     * @param region with room for {@link #stateBytes}, and {@link #gradientBytes} if gradients are accumulated
     * @param rounding of BF16 parameters
     * @param seed of the run: the random bits of rounding are a function of it, the parameter's name, step and element
     * @throws IllegalArgumentException if a parameter is in no group or in several, or a name occurs twice
     */
    public Optimizer(List<ParameterGroup> groups, Clipping clipping, List<Parameter> parameters, Kernels kernels, Region region,
            Rounding rounding, long seed) {
        requireUniqueNames(parameters);
        Map<Parameter, ParameterGroup> assigned = assign(groups, parameters);
        this.clipping = clipping;
        this.needsNorm = groups.stream().map(ParameterGroup::rule).filter(UpdateRule::needsAllGradients).findFirst();
        this.kernels = kernels;
        this.region = region;
        this.first = groups.getFirst().rule();
        this.key = RandomKey.of(seed);
        this.sumOfSquares = region.allocate(DType.F32, Shape.of(1));
        for (ParameterGroup group : groups) {
            scalars.computeIfAbsent(group.rule(), rule -> region.allocate(DType.F32, Shape.of(rule.scalarCount())));
        }
        long scratchSize = assigned.entrySet().stream()
                .mapToLong(entry -> entry.getValue().rule().scratchSize(entry.getKey())).max().orElse(0);
        this.scratch = scratchSize == 0 ? null : region.allocate(DType.F32, Shape.of(scratchSize));
        assigned.forEach((parameter, group) ->
                slots.put(parameter, new Slot(group.rule(), group.rule().init(parameter, region),
                        WeightRounding.of(rounding, seed, parameter))));
    }

    /** Bytes an optimizer's region needs without accumulation. */
    public static long stateBytes(List<ParameterGroup> groups, List<Parameter> parameters) {
        try (Region counting = Region.counting("optimizer")) {
            new Optimizer(groups, Clipping.none(), parameters, null, counting, Rounding.STOCHASTIC, 0);
            return counting.used();
        }
    }

    /** Bytes an optimizer's region needs in addition if gradients are accumulated. */
    public static long gradientBytes(List<Parameter> parameters) {
        return parameters.stream().mapToLong(p -> Region.bytesFor(DType.F32, p.value().shape())).sum();
    }

    /** What is done to gradients first. */
    public Clipping clipping() {
        return clipping;
    }

    /**
     * Begins a step in which each parameter is updated inside backward. Use the sink for one backward pass. A parameter whose
     * gradient is not finite stays as it is, with its state, and {@link #hasSkipped} tells; others may be updated already.
     *
     * @param measureNorm whether {@link #gradientNorm} will be asked for
     * @throws IllegalStateException if clipping is by global norm, or a rule needs all gradients
     */
    public GradientSink applyDuringBackward(StepContext context, boolean measureNorm) {
        if (needsAllGradients()) {
            throw new IllegalStateException("optimizer: " + (clipping.needsAllGradients() ? clipping : needsNorm.orElseThrow())
                    + " needs every gradient before the first update, but inside backward each is gone once its parameter is"
                    + " updated. Use accumulate() and apply(), which keep " + gradientBytes(parameters())
                    + " bytes of gradients, or no clipping and another rule");
        }
        begin(context, measureNorm);
        writeScalars(context);
        return (parameter, gradient) -> {
            Slot slot = slot(parameter);
            if (isFinite(gradient)) {
                update(parameter, slot, gradient, context);
            }
        };
    }

    /** Begins a step in which gradients are summed up until {@link #apply}. Use the sink for every micro-batch of the step. */
    public GradientSink accumulate() {
        requireTraining();
        slots.forEach((parameter, slot) -> {
            slot.hasGradient = false;
            if (slot.gradient == null) {
                slot.gradient = region.allocate(DType.F32, parameter.value().shape());
            }
        });
        return (parameter, gradient) -> {
            Slot slot = slot(parameter);
            if (slot.hasGradient) {
                kernels.elementwise().axpy(slot.gradient, 1, gradient);
            } else {
                kernels.elementwise().convert(slot.gradient, gradient, Rounding.NEAREST_EVEN, 0);
                slot.hasGradient = true;
            }
        };
    }

    /**
     * Clips what was accumulated and updates every parameter that got a gradient. If one of them is not finite, nothing is
     * updated, and {@link #hasSkipped} tells.
     *
     * @param measureNorm whether {@link #gradientNorm} will be asked for; clipping knows it in any case
     */
    public void apply(StepContext context, boolean measureNorm) {
        begin(context, measureNorm || needsAllGradients());
        slots.values().stream().filter(slot -> slot.hasGradient).forEach(slot -> isFinite(slot.gradient));
        if (skipped) {
            return;
        }
        double norm = Math.sqrt(squares) * gradientScale;
        StepContext clipped = (needsNorm.isPresent() ? context.withGradientNorm(norm) : context).scaled(clipFactor(norm));
        writeScalars(clipped);
        slots.forEach((parameter, slot) -> {
            if (slot.hasGradient) {
                update(parameter, slot, slot.gradient, clipped);
            }
        });
    }

    private void update(Parameter parameter, Slot slot, Tensor gradient, StepContext context) {
        slot.rule.prepare(parameter, gradient, slot.state, context, scratch, slot.rounding, kernels);
        slot.rule.update(parameter, gradient, slot.state, scalars.get(slot.rule), scratch, slot.rounding, kernels);
    }

    /**
     * Puts the weights to evaluate and to export in the place of those to train, for the rules where they differ. Until the
     * result is closed nothing can be updated; then every bit is as it was.
     *
     * @throws IllegalStateException if that is so already
     */
    public Evaluation evaluation() {
        requireTraining();
        evaluating = true;
        slots.forEach((parameter, slot) -> slot.rule.toEvaluation(parameter, slot.state, kernels));
        return () -> {
            slots.forEach((parameter, slot) -> slot.rule.toTraining(parameter, slot.state, kernels));
            evaluating = false;
        };
    }

    /** Lasts until it is closed, once. */
    @FunctionalInterface
    public interface Evaluation extends AutoCloseable {
        @Override
        void close();
    }

    private void requireTraining() {
        if (evaluating) {
            throw new IllegalStateException("optimizer: its parameters hold the weights to evaluate; close the evaluation first");
        }
    }

    /** Sends what was accumulated last to a sink, parameter by parameter. */
    public void forEachAccumulated(GradientSink sink) {
        slots.forEach((parameter, slot) -> {
            if (slot.hasGradient) {
                sink.accept(parameter, slot.gradient);
            }
        });
    }

    /** Whether a rule wants such an estimate of curvature after step {@code step}, 0 for the first. */
    public boolean wants(Estimator estimator, long step) {
        return slots.keySet().stream().anyMatch(parameter -> wants(parameter, estimator, step));
    }

    /** Whether the rule of this parameter does. */
    public boolean wants(Parameter parameter, Estimator estimator, long step) {
        return slot(parameter).rule.curvature().filter(rule -> rule.estimator() == estimator && rule.isDue(step)).isPresent();
    }

    /**
     * Tells the parameter's rule the estimate {@code factor a b} of its curvature, if it is wanted and finite.
     *
     * @param context of the step that was made last
     * @return the share of its elements whose step is not clipped; empty if the estimate was not told
     */
    public OptionalDouble observe(Parameter parameter, Estimator estimator, Tensor a, Tensor b, double factor,
            StepContext context) {
        Slot slot = slot(parameter);
        if (!wants(parameter, estimator, context.step()) || !Double.isFinite(sumOfSquares(b))) {
            return OptionalDouble.empty();
        }
        return OptionalDouble.of(slot.rule.curvature().orElseThrow().observe(a, b, factor, slot.state, context, kernels));
    }

    /** Where state and gradients live, and what else a step keeps for its rules. */
    public Region region() {
        return region;
    }

    /** The run's, for what is random beside rounding. */
    public RandomKey key() {
        return key;
    }

    /** True if the last step left out updates, since gradients were not finite. */
    public boolean hasSkipped() {
        return skipped;
    }

    /** Euclidean norm of all gradients of the last step, before clipping; empty if it was not asked for and is finite. */
    public OptionalDouble gradientNorm() {
        return measuresNorm || skipped ? OptionalDouble.of(Math.sqrt(squares) * gradientScale) : OptionalDouble.empty();
    }

    /** True if gradients must be kept until all are known, for clipping or for a rule. */
    public boolean needsAllGradients() {
        return clipping.needsAllGradients() || needsNorm.isPresent();
    }

    /** The learning rate of a step, of the first group. */
    public double learningRate(StepContext context) {
        return context.value(first.lr());
    }

    /** The rules of all groups. */
    public Set<UpdateRule> rules() {
        return scalars.keySet();
    }

    /** The parameters, in the order given. */
    public List<Parameter> parameters() {
        return List.copyOf(slots.keySet());
    }

    /** Everything the rules remember, as {@code parameter/name}, in a fixed order: what a checkpoint keeps. */
    public SequencedMap<String, Tensor> state() {
        SequencedMap<String, Tensor> all = new LinkedHashMap<>();
        slots.forEach((parameter, slot) ->
                slot.state.tensors().forEach((name, tensor) -> all.put(parameter.name() + "/" + name, tensor)));
        return all;
    }

    /** The first parameter that holds NaN or infinity; a pass over all of them. */
    public Optional<Parameter> findNonFinite() {
        return slots.keySet().stream().filter(parameter -> !Double.isFinite(sumOfSquares(parameter.value()))).findFirst();
    }

    private void begin(StepContext context, boolean measureNorm) {
        requireTraining();
        gradientScale = context.gradientScale();
        measuresNorm = measureNorm;
        skipped = false;
        squares = 0;
    }

    /** Adds the gradient to the norm. Squares beyond the range of a float count as infinite, too. */
    private boolean isFinite(Tensor gradient) {
        double sum = sumOfSquares(gradient);
        squares += sum;
        skipped |= !Double.isFinite(sum);
        return Double.isFinite(sum);
    }

    /** The sum of squares of a tensor, rounded to F32. */
    public double sumOfSquares(Tensor x) {
        kernels.elementwise().sumOfSquares(sumOfSquares, x);
        return sumOfSquares.getFlat(0);
    }

    private double clipFactor(double norm) {
        return switch (clipping) {
            case Clipping.None() -> 1;
            case Clipping.GlobalNorm(double max) -> norm > max ? max / norm : 1;
        };
    }

    private void writeScalars(StepContext context) {
        scalars.forEach((rule, tensor) -> tensor.copyFrom(rule.scalars(context)));
    }

    private Slot slot(Parameter parameter) {
        Slot slot = slots.get(parameter);
        if (slot == null) {
            throw new IllegalArgumentException("optimizer: got a gradient of " + parameter.name()
                    + ", which is not among its " + slots.size() + " parameters");
        }
        return slot;
    }

    private static List<Parameter> requireF32(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            if (parameter.value().dtype() != DType.F32) {
                throw new IllegalArgumentException("optimizer: " + parameter + " is rounded with every update; say how, by a"
                        + " Rounding and a seed");
            }
        }
        return parameters;
    }

    private static void requireUniqueNames(List<Parameter> parameters) {
        Set<String> names = new HashSet<>();
        for (Parameter parameter : parameters) {
            if (!names.add(parameter.name())) {
                throw new IllegalArgumentException("optimizer: two parameters are named " + parameter.name());
            }
        }
    }

    private static Map<Parameter, ParameterGroup> assign(List<ParameterGroup> groups, List<Parameter> parameters) {
        Map<Parameter, ParameterGroup> assigned = new LinkedHashMap<>();
        List<String> missing = new ArrayList<>();
        for (Parameter parameter : parameters) {
            List<ParameterGroup> selecting = groups.stream().filter(g -> g.selects().test(parameter)).toList();
            if (selecting.size() > 1) {
                throw new IllegalArgumentException("optimizer groups: " + parameter.name() + " is in groups "
                        + selecting.stream().map(g -> "'" + g.name() + "'").collect(Collectors.joining(" and "))
                        + "; a parameter belongs to exactly one");
            }
            if (selecting.isEmpty()) {
                missing.add(parameter.name());
            } else {
                assigned.put(parameter, selecting.getFirst());
            }
        }
        if (!missing.isEmpty()) {
            throw new IllegalArgumentException("optimizer groups: no group selects " + String.join(", ", missing)
                    + "; every parameter belongs to exactly one");
        }
        return assigned;
    }
}
