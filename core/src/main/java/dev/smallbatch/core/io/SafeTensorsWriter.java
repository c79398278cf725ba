package dev.smallbatch.core.io;

import dev.smallbatch.core.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.util.SequencedMap;

/** Writes tensors as safetensors: the same tensors in the same order with the same metadata always give the same bytes. */
public final class SafeTensorsWriter {
    /** A channel's buffer cannot exceed 2 GiB. */
    static final long CHUNK_BYTES = 1L << 30;

    private SafeTensorsWriter() {}

    /**
     * Writes a file beside {@code file} and then moves it there, so that a crash leaves the old file or the new one.
     *
     * @param tensors names to tensors, stored in this order and in their own types
     * @param metadata free-form text, kept in this order; may be empty
     * @throws IllegalArgumentException if a name cannot be stored
     * @throws IOException if the file cannot be written
     */
    public static void write(Path file, SequencedMap<String, Tensor> tensors, SequencedMap<String, String> metadata)
            throws IOException {
        AtomicFiles.write(file, channel -> write(channel, tensors, metadata));
    }

    /** Streams the bytes of a file into a channel; parameters and errors as for a file. */
    public static void write(WritableByteChannel channel, SequencedMap<String, Tensor> tensors,
            SequencedMap<String, String> metadata) throws IOException {
        requireLittleEndian();
        writeFully(channel, ByteBuffer.wrap(SafeTensorsHeader.encode(tensors, metadata, SafeTensorsHeader.MAX_LENGTH)));
        for (Tensor tensor : tensors.values()) {
            write(channel, tensor.segment(), CHUNK_BYTES);
        }
    }

    static void write(WritableByteChannel channel, MemorySegment memory, long chunkBytes) throws IOException {
        for (long done = 0; done < memory.byteSize();) {
            long chunk = Math.min(chunkBytes, memory.byteSize() - done);
            writeFully(channel, memory.asSlice(done, chunk).asByteBuffer());
            done += chunk;
        }
    }

    private static void writeFully(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** The format is little-endian, and payloads are copied as they are. */
    static void requireLittleEndian() throws IOException {
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new IOException("safetensors: this machine is big-endian, the format and this build are little-endian");
        }
    }
}
