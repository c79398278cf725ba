package dev.smallbatch.model.data;

import java.nio.file.Path;

/**
 * One file of text that a corpus will read.
 *
 * @param name           for messages: the path, with {@code !/entry} for an entry of an archive
 * @param named          whether the user named this very file: then it must be text; others are skipped if they are not
 * @param file           the file or the archive
 * @param entry          name within the archive, or null
 * @param bytes          size of the text
 * @param modifiedMillis when the file or the archive was last changed
 */
record Source(String name, boolean named, Path file, String entry, long bytes, long modifiedMillis) {}
