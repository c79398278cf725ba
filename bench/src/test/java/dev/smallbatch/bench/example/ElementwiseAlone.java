package dev.smallbatch.bench.example;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Skips the families of the conformance suite that the example backend takes from the scalar one, which runs them itself. */
final class ElementwiseAlone implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        Class<?> tests = context.getRequiredTestClass();
        boolean runs = !tests.isMemberClass() || tests.getSimpleName().equals("Elementwise");
        return runs ? ConditionEvaluationResult.enabled("the example's own")
                : ConditionEvaluationResult.disabled("the scalar backend's");
    }
}
