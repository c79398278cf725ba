package dev.smallbatch.bench;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the documents name exists, and what they quote is what they quote it from. */
class DocsLinksTest {
    private static final Pattern LINK = Pattern.compile("]\\(([^)\\s]+)\\)");
    private static final Pattern PROPERTY = Pattern.compile("get\\w+\\(\"(smallbatch\\.\\w+)\"");
    private static final String PACKAGES = "src/main/java/dev/smallbatch";
    private static final Path README = SourceTree.root().resolve("README.md");

    @Test
    void everyRelativeLinkLeadsSomewhere() {
        List<String> dead = new ArrayList<>();
        List<Path> documents = SourceTree.filesBelow(SourceTree.root(), ".md");
        assertTrue(documents.contains(README), "README.md is among " + documents);
        for (Path document : documents) {
            Matcher links = LINK.matcher(SourceTree.read(document));
            while (links.find()) {
                String target = links.group(1).replaceFirst("#.*", "");
                if (!target.contains("://") && !target.isEmpty() && !Files.exists(document.resolveSibling(target))) {
                    dead.add(SourceTree.name(document) + " -> " + target);
                }
            }
        }
        assertTrue(dead.isEmpty(), "links to nothing: " + dead + ". Correct them, or write what they point to");
    }

    @Test
    void everyPathInTheReadmesTreeExists() {
        List<String> missing = new ArrayList<>();
        Set<String> paths = treePaths();
        for (String path : paths) {
            if (!Files.exists(SourceTree.root().resolve(path))) {
                missing.add(path);
            }
        }
        assertFalse(paths.isEmpty(), "README.md has a tree");
        assertTrue(missing.isEmpty(), "README.md's tree names what does not exist: " + missing);
    }

    /** Top-level are the packages just below a module's own, as {@code core.tensor}. */
    @Test
    void everyTopLevelPackageIsInTheReadmesTree() {
        Set<String> expected = new TreeSet<>();
        for (String module : SourceTree.MODULES) {
            for (Path source : SourceTree.javaSources(module, "main")) {
                Path inside = SourceTree.root().resolve(module).resolve(PACKAGES).relativize(source.getParent());
                if (inside.getNameCount() >= 2 && !inside.startsWith("..")) {
                    expected.add(module + "/" + PACKAGES + "/" + inside.subpath(0, 2).toString().replace('\\', '/'));
                }
            }
        }
        Set<String> missing = new TreeSet<>(expected);
        missing.removeAll(treePaths());
        assertTrue(missing.isEmpty(), "README.md's tree does not name " + missing + "; say there what each is for");
    }

    @Test
    void theEmbeddingExampleOfTheReadmeIsTheTestedClass() {
        assertShown("README.md", "model/src/test/java/dev/smallbatch/model/examples/TrainAndGenerate.java");
    }

    @Test
    void theOptimizerAddedInTheDocumentsIsATestedRule() {
        assertShown("docs/adding-an-optimizer.md", "optim/src/test/java/dev/smallbatch/optim/rule/SignSgd.java");
    }

    private static void assertShown(String document, String source) {
        String code = SourceTree.read(SourceTree.root().resolve(source)).strip();
        assertTrue(codeBlocks(document, "java").contains(code), document + " shows " + source + ", word for word");
    }

    @Test
    void everySystemPropertyIsInTheReference() {
        String reference = SourceTree.read(SourceTree.root().resolve("docs/reference.md"));
        Set<String> undocumented = new TreeSet<>();
        int found = 0;
        for (String module : SourceTree.MODULES) {
            for (Path source : SourceTree.javaSources(module, "main")) {
                Matcher properties = PROPERTY.matcher(SourceTree.read(source));
                while (properties.find()) {
                    found++;
                    if (!reference.contains("| `" + properties.group(1) + "` |")) {
                        undocumented.add(properties.group(1) + " in " + SourceTree.name(source));
                    }
                }
            }
        }
        assertTrue(found > 0, "the pattern finds system properties");
        assertTrue(undocumented.isEmpty(), "docs/reference.md's table lacks " + undocumented);
    }

    /** The paths of the fenced block that starts with {@code smallbatch/}: two spaces of indentation for each directory. */
    private static Set<String> treePaths() {
        String tree = codeBlocks("README.md", "").stream().filter(block -> block.startsWith("smallbatch/")).findFirst().orElseThrow();
        Set<String> paths = new TreeSet<>();
        List<String> above = new ArrayList<>();
        for (String line : tree.lines().skip(1).toList()) {
            if (line.isBlank()) {
                continue;
            }
            int depth = (line.length() - line.stripLeading().length()) / 2 - 1;
            String name = line.strip().split("\\s{2,}")[0].replaceFirst("/$", "");
            if (depth < above.size()) {
                above.subList(depth, above.size()).clear();
            }
            above.add(name);
            paths.add(String.join("/", above));
        }
        return paths;
    }

    private static List<String> codeBlocks(String document, String language) {
        List<String> blocks = new ArrayList<>();
        Matcher fences = Pattern.compile("(?ms)^```([a-z]*)\\n(.*?)^```").matcher(
                SourceTree.read(SourceTree.root().resolve(document)));
        while (fences.find()) {
            if (fences.group(1).equals(language)) {
                blocks.add(fences.group(2).strip());
            }
        }
        return blocks;
    }
}
