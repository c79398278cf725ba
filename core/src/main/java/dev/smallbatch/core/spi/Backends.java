package dev.smallbatch.core.spi;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Finds, chooses and opens back ends. */
public final class Backends {
    private static final System.Logger LOG = System.getLogger(Backends.class.getName());

    private Backends() {}

    /**
     * A provider and what its probe said.
     *
     * @param provider the provider
     * @param availability the answer of its probe
     */
    public record Candidate(BackendProvider provider, Availability availability) {
        /** For example {@code tornado: TORNADOVM_HOME is not set}. */
        @Override
        public String toString() {
            return provider.name() + ": " + availability.reason();
        }
    }

    /** Every provider on the class or module path with its availability, highest priority first. */
    public static List<Candidate> survey() {
        return ServiceLoader.load(BackendProvider.class, Backends.class.getClassLoader()).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparingInt(BackendProvider::priority).reversed().thenComparing(BackendProvider::name))
                .map(provider -> new Candidate(provider, provider.probe()))
                .toList();
    }

    /**
     * Opens a back end; its kernels check their arguments ({@link CheckedKernels}).
     *
     * @param request {@code auto}, a name, or a comma list of names in order of preference
     * @param options threads
     * @throws IllegalStateException if no requested back end is usable; the message lists all with their reasons. Only
     *     {@code auto} falls back, with a warning in the log where a faster back end could not be used
     */
    public static Backend open(String request, BackendOptions options) {
        return open(request, options, survey());
    }

    static Backend open(String request, BackendOptions options, List<Candidate> all) {
        if (request.equals("auto")) {
            Candidate best = best(all, message -> LOG.log(System.Logger.Level.WARNING, message));
            return new CheckedBackend(best.provider().open(options));
        }
        List<String> refusals = new ArrayList<>();
        for (String name : request.split(",")) {
            Candidate found = find(all, name.strip());
            if (found == null) {
                refusals.add("backend " + name.strip() + " does not exist here");
            } else if (!found.availability().usable()) {
                refusals.add("backend " + name.strip() + " was requested but is unusable: " + found.availability().reason());
            } else {
                return new CheckedBackend(found.provider().open(options));
            }
        }
        throw new IllegalStateException(String.join("; ", refusals) + ". Available: " + usableNames(all));
    }

    /** The choice of {@code auto}; says to {@code warning} why a faster back end is not it. */
    static Candidate best(List<Candidate> all, Consumer<String> warning) {
        for (Candidate candidate : all) {
            if (candidate.provider().priority() < 0) {
                break;
            }
            if (candidate.availability().usable()) {
                return candidate;
            }
            if (candidate.provider().name().equals("vector")) {
                warning.accept("backend vector is unusable: " + candidate.availability().reason()
                        + ". A much slower backend runs instead");
            }
        }
        throw new IllegalStateException("no backend is usable: " + all);
    }

    private static Candidate find(List<Candidate> all, String name) {
        return all.stream().filter(c -> c.provider().name().equals(name)).findFirst().orElse(null);
    }

    private static String usableNames(List<Candidate> all) {
        return all.stream().filter(c -> c.availability().usable()).map(c -> c.provider().name())
                .collect(Collectors.joining(", "));
    }
}
