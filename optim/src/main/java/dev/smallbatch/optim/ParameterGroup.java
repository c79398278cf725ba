package dev.smallbatch.optim;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.MultiNorm;
import dev.smallbatch.optim.rule.Projection;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Parameters that share a rule. Groups of one optimizer cover every parameter exactly once.
 *
 * @param name for errors and logs
 * @param selects which parameters belong to it, usually by {@link Parameter#role}
 * @param rule updates them
 */
public record ParameterGroup(String name, Predicate<Parameter> selects, UpdateRule rule) {
    /** Every parameter. */
    public static ParameterGroup all(UpdateRule rule) {
        return new ParameterGroup("all", parameter -> true, rule);
    }

    /**
     * SCALE: hidden matrices by their gradient with every row, that is every output, over its root mean square; input tables
     * with every column; the head, or a tied table, by an average of gradients, with every row; vectors by another rule,
     * usually Adam. The state is that of the head, 4 bytes, and of the vectors.
     *
     * @param lr of everything but vectors
     * @param beta decay of the head's average, usually 0.9
     * @param weightDecay decoupled, of everything but vectors
     * @see <a href="https://arxiv.org/abs/2506.16659">Glentis et al. 2025, algorithm 1</a>
     */
    public static List<ParameterGroup> scale(Schedule lr, Decay beta, double weightDecay, UpdateRule vectors) {
        List<Projection> rows = List.of(new Projection.Rows(false));
        List<Projection> columns = List.of(new Projection.Columns());
        return List.of(
                of("matrices", Set.of(Role.MATRIX), new MultiNorm(lr, rows, 1, null, weightDecay)),
                of("embeddings", Set.of(Role.EMBEDDING), new MultiNorm(lr, columns, 1, null, weightDecay)),
                of("head", Set.of(Role.HEAD, Role.TIED), new MultiNorm(lr, rows, 1, beta, weightDecay)),
                of("vectors", Set.of(Role.VECTOR), vectors));
    }

    private static ParameterGroup of(String name, Set<Role> roles, UpdateRule rule) {
        return new ParameterGroup(name, parameter -> roles.contains(parameter.role()), rule);
    }

    /** Hidden matrices by one rule; tables, heads and vectors by another. */
    public static List<ParameterGroup> matricesAndOthers(UpdateRule matrices, UpdateRule others) {
        return List.of(new ParameterGroup("matrices", parameter -> parameter.role() == Role.MATRIX, matrices),
                new ParameterGroup("others", parameter -> parameter.role() != Role.MATRIX, others));
    }
}
