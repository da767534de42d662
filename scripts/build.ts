import { rmSync } from 'node:fs'
import { build } from 'esbuild'

// Bundled so that `mayfly run` starts fast; Cedar stays outside, it finds its .wasm beside itself.
rmSync('dist', { recursive: true, force: true })
await build({
  entryPoints: { mayfly: 'src/main/mayfly.ts', verify: 'src/audit/verify/index.ts' },
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
