package dev.smallbatch.model.run;

import dev.smallbatch.core.io.AtomicFiles;
import java.awt.AWTError;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.function.Consumer;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Pictures that are drawn without a display. */
public final class PngFile {
    private PngFile() {}

    /**
     * Draws a picture and replaces the file as a whole.
     *
     * @param width in pixels
     * @param height in pixels
     * @param painter draws; edges are smoothed
     * @throws IOException if the file cannot be written, or the JVM cannot draw text here
     */
    @SuppressWarnings("exports") // whoever draws requires java.desktop; other users of this module need not
    public static void write(Path file, int width, int height, Consumer<Graphics2D> painter) throws IOException {
        byte[] png = png(width, height, painter);
        AtomicFiles.write(file, channel -> {
            ByteBuffer bytes = ByteBuffer.wrap(png);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    private static byte[] png(int width, int height, Consumer<Graphics2D> painter) throws IOException {
        try {
            BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = image.createGraphics();
            graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            painter.accept(graphics);
            graphics.dispose();
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            // A plain stream would go through a temporary file, which a kill leaves behind.
            try (ImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
                ImageIO.write(image, "png", out);
            }
            return bytes.toByteArray();
        } catch (RuntimeException | LinkageError | InternalError | AWTError e) {
            throw new IOException("this JVM cannot draw (" + e + "); it may lack fonts, install fontconfig and a font", e);
        }
    }
}
