import { rmSync } from 'node:fs'
import { build } from 'esbuild'

// Bundled so that `mayfly run` starts fast; Cedar stays outside, it finds its .wasm beside itself.
rmSync('dist', { recursive: true, force: true })
await build({
  entryPoints: {
    mayfly: 'src/main/mayfly.ts',
    'verify-node': 'src/audit/verify/node.ts',
    'check-thread': 'src/identity/check-thread-entry.ts',
    'checkpoint-thread': 'src/store/checkpoint-thread.ts',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  external: ['@cedar-policy/cedar-wasm'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
  legalComments: 'none',
})

// For others to check a log with, in Node and in browsers: one file, which imports nothing.
await build({
  entryPoints: { verify: 'src/audit/verify/index.ts' },
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2024',
  logLevel: 'warning',
  legalComments: 'none',
})
