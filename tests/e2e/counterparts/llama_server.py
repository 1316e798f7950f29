"""Makes a tiny model of random weights and serves it with llama.cpp's server: FILE PORT WINDOW."""

import sys
import time

import gguf
import numpy
import xllamacpp

SEED = 7
WIDTH, HEADS, HIDDEN = 32, 2, 64


def vocabulary():
    """Pieces with their types: three of control, every byte, some letters and words."""
    pieces = {"<unk>": 2, "<s>": 3, "</s>": 3}
    pieces |= {f"<0x{byte:02X}>": 6 for byte in range(256)}
    words = "▁ ▁the ▁and ▁of ▁to ▁in ▁is the and of to in is it".split(" ")
    pieces |= {word: 1 for word in [*words, *map(chr, range(33, 127))]}
    return pieces


def make(file):
    """Writes a model of one layer, the same one every time."""
    chance = numpy.random.default_rng(SEED)
    pieces = vocabulary()
    model = gguf.GGUFWriter(file, "llama")
    model.add_name("tiny-random")
    model.add_context_length(65536)
    model.add_embedding_length(WIDTH)
    model.add_block_count(1)
    model.add_feed_forward_length(HIDDEN)
    model.add_head_count(HEADS)
    model.add_head_count_kv(HEADS)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_rope_dimension_count(WIDTH // HEADS)
    model.add_vocab_size(len(pieces))
    model.add_file_type(0)
    model.add_tokenizer_model("llama")
    model.add_token_list([piece.encode() for piece in pieces])
    model.add_token_scores([-float(rank) for rank in range(len(pieces))])
    model.add_token_types(list(pieces.values()))
    model.add_unk_token_id(0)
    model.add_bos_token_id(1)
    model.add_eos_token_id(2)

    def random(name, *shape):
        model.add_tensor(name, (chance.standard_normal(shape) * 0.3).astype(numpy.float32))

    def ones(name):
        model.add_tensor(name, numpy.ones(WIDTH, numpy.float32))

    random("token_embd.weight", len(pieces), WIDTH)
    random("output.weight", len(pieces), WIDTH)
    ones("output_norm.weight")
    ones("blk.0.attn_norm.weight")
    ones("blk.0.ffn_norm.weight")
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        random(f"blk.0.{name}.weight", WIDTH, WIDTH)
    random("blk.0.ffn_gate.weight", HIDDEN, WIDTH)
    random("blk.0.ffn_up.weight", HIDDEN, WIDTH)
    random("blk.0.ffn_down.weight", WIDTH, HIDDEN)
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()


def serve(file, port, window):
    """Serves it on loopback until it is killed."""
    asked = xllamacpp.CommonParams()
    asked.model.path = file
    asked.hostnames = ["127.0.0.1"]
    asked.port = port
    asked.n_ctx = window
    asked.n_parallel = 1
    asked.cpuparams.n_threads = 1
    server = xllamacpp.Server(asked)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(3600)


make(sys.argv[1])
serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
