package dev.smallbatch.model.gpt;

import dev.smallbatch.core.rand.Init;

/** First values of every kind of weight matrix of a {@link Gpt}, whose class comment has the table. */
record GptInit(Init embed, Init positions, Init qkv, Init attentionOut, Init up, Init down, Init head) {
    private static final double GPT2_STD = 0.02;

    static GptInit of(GptConfig config) {
        GptInit init = switch (config.init()) {
            case PAPER -> paper(config.dim(), config.heads(), config.headSize());
            case GPT2 -> gpt2(config.layers());
        };
        return config.stableEmbedding() ? init.withStableEmbedding(config.vocabularySize() + (double) config.dim()) : init;
    }

    private GptInit withStableEmbedding(double fans) {
        return new GptInit(new Init.Uniform(Math.sqrt(6 / fans)), positions, qkv, attentionOut, up, down, head);
    }

    /**
     * {@code a = sqrt(6 / (fanIn + fanOut))}, where each leading axis of the paper's tensors multiplies both fans: qkv is
     * (3, heads, D, H), out is (heads, H, D).
     */
    private static GptInit paper(double dim, double heads, double headSize) {
        Init table = new Init.Normal(1 / Math.sqrt(dim));
        Init mlp = new Init.Uniform(Math.sqrt(6 / (dim + GptConfig.MLP_FACTOR * dim)));
        Init qkv = new Init.Uniform(Math.sqrt(6 / (3 * heads * dim + 3 * heads * headSize)));
        Init out = new Init.Uniform(Math.sqrt(6 / (heads * headSize + heads * dim)));
        return new GptInit(table, table, qkv, out, mlp, mlp, table);
    }

    private static GptInit gpt2(int layers) {
        Init normal = new Init.Normal(GPT2_STD);
        Init residual = new Init.Normal(GPT2_STD / Math.sqrt(2.0 * layers));
        return new GptInit(normal, normal, normal, residual, normal, residual, normal);
    }
}
