package dev.smallbatch.optim;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.optim.rule.UpdateRule;
import java.util.List;
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

    /** Hidden matrices by one rule; tables, heads and vectors by another. */
    public static List<ParameterGroup> matricesAndOthers(UpdateRule matrices, UpdateRule others) {
        return List.of(new ParameterGroup("matrices", parameter -> parameter.role() == Role.MATRIX, matrices),
                new ParameterGroup("others", parameter -> parameter.role() != Role.MATRIX, others));
    }
}
