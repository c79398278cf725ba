package dev.smallbatch.model.run;

import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.batch.Hyperparameters;
import dev.smallbatch.optim.batch.RunLength;
import dev.smallbatch.optim.batch.Throughput;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * How to train a model on one device with the memory there is, by the rules of the small-batch paper: which optimizer and type of
 * weights, which batch size, half-life and learning rate, and why. Immutable: whatever is asked for makes another recipe.
 *
 * <pre>{@code
 * Recipe recipe = Recipe.forModel(GptConfig.preset("gpt2s")).onMemory(8_000_000_000L);
 * recipe.explain().forEach((what, why) -> System.out.println(what + ": " + why));
 * }</pre>
 *
 * <p>What does not fit is given up in this order, the cheapest first: Adam's state, since Adafactor learns as much in small
 * batches; half of the weights' bits, rounded stochastically; the time to compute activations twice; adaptive steps (plain SGD).
 * Gradients are never accumulated, unless that is asked for.
 *
 * @see <a href="https://arxiv.org/abs/2507.07101">Marek et al. 2025, section 5</a>
 */
public final class Recipe {
    /** Part of the memory that a run may take; the rest is for the system and its file cache. */
    static final double USABLE_MEMORY = 0.9;
    /** From the best to the smallest. */
    private static final List<Rung> LADDER = List.of(
            new Rung(OptimizerKind.ADAMW, DType.F32, false),
            new Rung(OptimizerKind.ADAFACTOR, DType.F32, false),
            new Rung(OptimizerKind.ADAFACTOR, DType.BF16, false),
            new Rung(OptimizerKind.ADAFACTOR, DType.BF16, true),
            new Rung(OptimizerKind.SGD, DType.BF16, true));
    /** From here on plain SGD is far behind: at 30M parameters by 0.13 nats at batch size 1, 0.38 at 4, 0.81 at 16. */
    private static final int LARGE_FOR_SGD = 4;

    /** Micro-batches of the accumulated batch that is shown for comparison. */
    private static final int MANY = 16;

    private final RecipeRequest request;
    private final List<MemoryPlan> rejected;
    private final MemoryPlan memory;
    private final Hyperparameters hyperparameters;

    /** A way to save memory. */
    private record Rung(OptimizerKind optimizer, DType dtype, boolean recompute) {}

    private Recipe(RecipeRequest request) {
        this.request = request;
        int batchSize = or(request.batchSize, Defaults.BATCH_SIZE);
        List<MemoryPlan> tooLarge = new ArrayList<>();
        MemoryPlan smallest = null;
        for (Rung rung : ladder()) {
            smallest = MemoryPlan.of(choice(rung, batchSize));
            if (fits(smallest)) {
                break;
            }
            tooLarge.add(smallest);
        }
        this.memory = inFastBatches(smallest);
        tooLarge.remove(smallest);
        this.rejected = List.copyOf(tooLarge);
        this.hyperparameters = tuned(memory.choice());
    }

    /** The recipe for a machine with more memory than any model needs. */
    public static Recipe forModel(GptConfig model) {
        return new Recipe(new RecipeRequest().changed(r -> r.model = Objects.requireNonNull(model, "model")));
    }

    /** With so many bytes of memory, of which a tenth stays free. */
    public Recipe onMemory(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("recipe: " + bytes + " bytes of memory; at least 1");
        }
        return with(r -> r.memoryBytes = bytes);
    }

    /** For a run of so many tokens instead of 20 for each active parameter. */
    public Recipe forTokens(long tokens) {
        return with(r -> r.tokens = tokens);
    }

    /** With the smallest batch that is fast enough, see {@link Throughput#smallestFast}; empty for none measured. */
    public Recipe withThroughput(List<Throughput> measured) {
        return with(r -> r.throughput = List.copyOf(measured));
    }

    /** With this optimizer and its usual settings; null for the recipe's choice. */
    public Recipe withOptimizer(OptimizerKind optimizer) {
        return withOptimizer(optimizer, optimizer == null ? null : optimizer.defaults());
    }

    /** With this optimizer and settings; null for the recipe's choice of both. */
    public Recipe withOptimizer(OptimizerKind optimizer, Settings settings) {
        return with(r -> {
            r.optimizer = optimizer;
            r.settings = settings;
        });
    }

    /** With weights of this type; null for the recipe's choice. */
    public Recipe withDType(DType dtype) {
        return with(r -> r.dtype = dtype);
    }

    /** With activations computed again or kept; null for the recipe's choice. */
    public Recipe withRecompute(Boolean recompute) {
        return with(r -> r.recompute = recompute);
    }

    /** In batches of so many sequences; null for the recipe's choice. */
    public Recipe withBatchSize(Integer batchSize) {
        return with(r -> r.batchSize = batchSize);
    }

    /** With gradients clipped by their norm, and therefore kept. */
    public Recipe withClipping(boolean clipped) {
        return with(r -> r.clipped = clipped);
    }

    /** With updates of so many accumulated parts, which is never the recipe's choice. */
    public Recipe withAccumulation(int microBatches) {
        return with(r -> r.microBatches = microBatches);
    }

    /**
     * In batches that grow, of sequences that go through the model one by one.
     *
     * @param initial first size; null for the usual
     * @param growth null for batches of one size
     * @throws UsageException if it is impossible, or would keep too many numbers
     */
    public Recipe withGrowth(Integer initial, RunConfig.Growth growth) {
        return growth == null ? this : with(r -> {
            growth.check(initial, r.model.parameterCount(), r.optimizer);
            r.batchSize = RunConfig.Growth.first(initial);
            r.microBatches = r.batchSize;
            r.growth = growth.complete();
        });
    }

    private Recipe with(Consumer<RecipeRequest> change) {
        return new Recipe(request.changed(change));
    }

    private List<Rung> ladder() {
        return LADDER.stream().map(rung -> {
            OptimizerKind optimizer = or(request.optimizer, rung.optimizer);
            DType possible = optimizer.takes(rung.dtype) ? rung.dtype : DType.F32;
            return new Rung(optimizer, or(request.dtype, possible), or(request.recompute, rung.recompute));
        }).distinct().toList();
    }

    private MemoryPlan.Choice choice(Rung rung, int batchSize) {
        return new MemoryPlan.Choice(request.model, rung.dtype, rung.optimizer,
                request.optimizer == null ? rung.optimizer.defaults() : request.settings, request.clipped, batchSize,
                rung.recompute, request.microBatches);
    }

    private MemoryPlan inFastBatches(MemoryPlan plan) {
        if (request.batchSize != null) {
            return plan;
        }
        List<MemoryPlan> fitting = request.throughput.stream().map(t -> MemoryPlan.of(plan.choice().withBatchSize(t.batchSize())))
                .filter(this::fits).toList();
        List<Throughput> possible = request.throughput.stream()
                .filter(t -> fitting.stream().anyMatch(p -> p.choice().batchSize() == t.batchSize())).toList();
        if (possible.isEmpty()) {
            return plan;
        }
        int batchSize = Throughput.smallestFast(possible).batchSize();
        return fitting.stream().filter(p -> p.choice().batchSize() == batchSize).findFirst().orElseThrow();
    }

    private Hyperparameters tuned(MemoryPlan.Choice choice) {
        long tokens = or(request.tokens, RunLength.tokens(choice.model().activeParameterCount()));
        int seqLen = choice.model().seqLen();
        Decay beta2 = choice.optimizer().hasSecondMoment()
                ? choice.optimizer().beta2(tokens, (long) choice.batchSize() * seqLen) : null;
        return Hyperparameters.of(choice.batchSize(), seqLen, tokens,
                Defaults.lr(choice.optimizer(), choice.model().dim(), choice.batchSize()),
                new Decay.PerStep(choice.optimizer().beta1()), or(beta2, new Decay.PerStep(0)))
                .withWeightDecay(choice.optimizer().weightDecay());
    }

    /** Whether a plan leaves a tenth of the memory free. */
    public boolean fits(MemoryPlan plan) {
        return plan.resident() <= usableBytes();
    }

    /** The memory a run may take. */
    private long usableBytes() {
        return request.memoryBytes == null ? Long.MAX_VALUE : (long) (USABLE_MEMORY * request.memoryBytes);
    }

    /** How batches grow from the size of the {@link #choice}; empty if they do not. */
    public Optional<RunConfig.Growth> growth() {
        return Optional.ofNullable(request.growth);
    }

    /** What memory depends on, chosen or asked for. */
    public MemoryPlan.Choice choice() {
        return memory.choice();
    }

    /** How BF16 weights are rounded: stochastically, because nearest rounding loses the small updates of small batches. */
    public Rounding rounding() {
        return Rounding.STOCHASTIC;
    }

    /** What the run takes. */
    public MemoryPlan memory() {
        return memory;
    }

    /** Batch size, learning rate, decays and length. */
    public Hyperparameters hyperparameters() {
        return hyperparameters;
    }

    /** What would have been better and does not fit, from the best; empty if nothing had to be given up. */
    public List<MemoryPlan> rejected() {
        return rejected;
    }

    /** Every choice, by its name, with its reason. */
    public SequencedMap<String, String> explain() {
        return new RecipeReasons(request, this).all();
    }

    /** What is doubtful, a line each; empty if nothing is. */
    public List<String> warnings() {
        List<String> warnings = new ArrayList<>(hyperparameters.warnings());
        if (choice().optimizer() == OptimizerKind.SGD && choice().batchSize() >= LARGE_FOR_SGD) {
            warnings.add("plain SGD falls behind as the batch grows; take a batch below " + LARGE_FOR_SGD
                    + " sequences, or another optimizer");
        }
        if (!fits(memory)) {
            warnings.add("it does not fit: " + RecipeReasons.bytes(memory.resident()) + " are needed, of which "
                    + RecipeReasons.bytes(usableBytes()) + " may be used; take a smaller model or shorter sequences");
        }
        return warnings;
    }

    /** Other ways to train the same model, to compare: the rest of the ladder, other batch sizes, an accumulated batch. */
    public List<MemoryPlan> alternatives() {
        List<MemoryPlan.Choice> others = new ArrayList<>();
        ladder().forEach(rung -> others.add(choice(rung, choice().batchSize())));
        others.add(choice().withRecompute(!choice().recompute()));
        others.add(choice().withBatchSize(1).withAccumulation(1));
        if (MANY * hyperparameters.tokensPerStep() <= Integer.MAX_VALUE) {
            others.add(choice().withBatchSize(MANY * choice().batchSize()).withAccumulation(1));
            others.add(choice().withBatchSize(MANY * choice().batchSize()).withAccumulation(MANY));
        }
        return others.stream().distinct().filter(other -> !other.equals(choice())).map(MemoryPlan::of).toList();
    }

    @Override
    public String toString() {
        return explain().entrySet().stream().map(line -> line.getKey() + ": " + line.getValue())
                .collect(Collectors.joining("\n"));
    }

    private static <T> T or(T value, T otherwise) {
        return Objects.requireNonNullElse(value, otherwise);
    }
}
