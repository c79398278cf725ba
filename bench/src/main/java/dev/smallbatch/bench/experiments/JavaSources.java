package dev.smallbatch.bench.experiments;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The corpus of the laptop experiments as bytes: the packages {@code java.*} of {@code java.base} from the sources of the JDK
 * that runs this, in order of names, without the licence that begins each file, joined by zero bytes; or any text.
 */
final class JavaSources {
    private static final String PREFIX = "java.base/java/";

    private JavaSources() {}

    /** The JDK's sources. */
    static TextBlocks.Stream read() throws IOException {
        Path home = Path.of(System.getProperty("java.home"));
        Path zip = home.resolve("lib").resolve("src.zip");
        if (!Files.isReadable(zip)) {
            throw new IOException("experiment: the JDK in " + home + " came without its sources (there is no " + zip
                    + "); install them, or give a text with --data");
        }
        ByteArrayOutputStream text = new ByteArrayOutputStream(32 << 20);
        try (ZipFile archive = new ZipFile(zip.toFile())) {
            List<? extends ZipEntry> entries = archive.stream()
                    .filter(entry -> entry.getName().startsWith(PREFIX) && entry.getName().endsWith(".java"))
                    .sorted(Comparator.comparing(ZipEntry::getName)).toList();
            for (ZipEntry entry : entries) {
                if (text.size() > 0) {
                    text.write(0);
                }
                String source = new String(archive.getInputStream(entry).readAllBytes(), StandardCharsets.ISO_8859_1);
                text.write(withoutLicence(source).getBytes(StandardCharsets.ISO_8859_1));
            }
        }
        return stream(text.toByteArray());
    }

    /** The bytes of a file. */
    static TextBlocks.Stream read(Path file) throws IOException {
        return stream(Files.readAllBytes(file));
    }

    static String withoutLicence(String source) {
        if (!source.startsWith("/*")) {
            return source;
        }
        int end = source.indexOf("*/");
        return end < 0 ? source : source.substring(end + 2);
    }

    private static TextBlocks.Stream stream(byte[] bytes) {
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = bytes[i] < 0 ? (byte) '?' : bytes[i];
        }
        return new TextBlocks.Stream(bytes.length, (from, into, offset, length) -> {
            for (int i = 0; i < length; i++) {
                into[offset + i] = bytes[(int) from + i];
            }
        });
    }
}
