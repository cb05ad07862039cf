{
  "variables": {
    # No contraction to fused multiply-add, no reassociation: every path and machine must give the same bits.
    "kernel_flags": ["-std=c++17", "-O3", "-ffp-contract=off", "-fno-fast-math", "-fno-math-errno", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"]
  },
  "targets": [
    {
      "target_name": "redbutton",
      "sources": [
        "addon.cc",
        "features/boundary.cc",
        "features/feature-set.cc",
        "features/path-scalar.cc",
        "features/streams.cc",
        "forest/binning.cc",
        "forest/boundary.cc",
        "forest/forest.cc",
        "forest/tree.cc",
        "gpio/boundary.cc",
        "gpio/line.cc",
        "system/boundary.cc",
        "system/sockets.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS"],
      "cflags_cc": ["<@(kernel_flags)"],
      "cflags_cc!": ["-fno-rtti"],
      "conditions": [
        ["target_arch=='x64'", { "dependencies": ["features_avx2"] }],
        ["target_arch=='arm64'", { "sources": ["features/path-neon.cc"] }]
      ]
    },
    {
      # A program of its own: it needs nothing of Node.js, and has rights that Node.js must not have.
      "target_name": "redbutton-gate",
      "type": "executable",
      "product_extension": "",
      "sources": [
        "gate/gate.cc",
        "gate/main.cc",
        "gate/neighbours.cc",
        "gate/netlink.cc",
        "gate/permit-file.cc",
        "gate/permit.cc",
        "gate/port-set.cc",
        "gate/sockets.cc"
      ],
      "cflags_cc": ["-std=c++17", "-O2", "-Wall", "-Wextra", "-fno-exceptions", "-fno-rtti"],
      # libc alone.
      "ldflags": ["-Wl,--as-needed"]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          # A library of its own, since only this file may use AVX2: the rest must run on any x86-64.
          "target_name": "features_avx2",
          "type": "static_library",
          "sources": ["features/path-avx2.cc"],
          "cflags_cc": ["<@(kernel_flags)", "-mavx2", "-mno-fma"]
        }
      ]
    }]
  ]
}
