package dev.smallbatch.tck;

import dev.smallbatch.core.tensor.MemoryStats;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails a test class that leaves a region open; the stacks that created them are the suppressed exceptions. Regions are
 * tracked only with assertions on, so without them the class fails at once.
 */
public final class LeakCheck implements BeforeAllCallback, AfterAllCallback {
    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(LeakCheck.class);

    @Override
    public void beforeAll(ExtensionContext context) {
        boolean assertions = false;
        assert assertions = true;
        if (!assertions) {
            throw new IllegalStateException("leak check: open regions are recorded only with assertions enabled; run with -ea");
        }
        context.getStore(NAMESPACE).put(context.getUniqueId(), MemoryStats.openRegions());
    }

    @Override
    public void afterAll(ExtensionContext context) {
        requireNoneSince((List<?>) context.getStore(NAMESPACE).get(context.getUniqueId()), context.getDisplayName());
    }

    /** Throws if a region is open that is not among {@code before}. */
    void requireNoneSince(List<?> before, String where) {
        List<Throwable> left = new ArrayList<>(MemoryStats.openRegions());
        left.removeAll(before);
        if (!left.isEmpty()) {
            AssertionError error = new AssertionError(where + " left " + left.size() + " regions open: "
                    + left.stream().map(Throwable::getMessage).toList());
            left.forEach(error::addSuppressed);
            throw error;
        }
    }
}
