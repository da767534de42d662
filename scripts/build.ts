import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { licencesOf } from './licences.ts'
import { writeTypes } from './types.ts'

// Into a folder of its own, put in place at the end: two may build at once, and others run what is there.
const folder = `dist.new-${process.pid}`
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

/**
 * To import from node:http makes an ES module of it, for which Node reads each thing that it has, WebSocket among them: and
 * that loads all of undici, 10 ms at each start. Asked for by getBuiltinModule it is read as far as it is used.
 */
const lazyHttp: Plugin = {
  name: 'lazy-http',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:http$/ }, ({ kind }) =>
      kind === 'require-call' ? { external: true } : { path: 'http', namespace: 'lazy-http' },
    )
    onLoad({ filter: /.*/, namespace: 'lazy-http' }, () => ({
      contents: `const http = process.getBuiltinModule('node:http'); export default http; export const { ${httpNames.join(', ')} } = http`,
    }))
  },
}
const httpNames = ['Agent', 'IncomingMessage', 'STATUS_CODES', 'ServerResponse', 'createServer', 'request']

// Bundled so that `mayfly run` starts fast; Cedar and PostgreSQL's parser stay outside, they find their .wasm beside themselves.
const { metafile } = await build({
  entryPoints: {
    mayfly: 'src/main/mayfly.ts',
    'verify-node': 'src/audit/verify/node.ts',
    'check-thread': 'src/identity/check-thread-entry.ts',
    'lockfile-thread': 'src/lockfiles/thread-entry.ts',
    'checkpoint-thread': 'src/store/checkpoint-thread.ts',
    'sql-thread': 'src/gateway/postgres/sql/thread-entry.ts',
    'scanner-thread': 'src/scan/thread-entry.ts',
    'scan-thread': 'src/inspection/scan-thread-entry.ts',
  },
  outdir: folder,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  // ssh2 does without its native parts where they are not built.
  external: ['@cedar-policy/cedar-wasm', 'libpg-query', 'cpu-features', '*.node'],
  plugins: [lazyHttp],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); const __dirname = import.meta.dirname; const __filename = import.meta.filename;",
  },
  logLevel: 'warning',
  legalComments: 'none',
  metafile: true,
})

// For others to check a log with, in Node and in browsers: one file, which imports nothing.
await build({
  entryPoints: { verify: 'src/audit/verify/index.ts' },
  outdir: folder,
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: ['es2022', 'node20'],
  logLevel: 'warning',
  legalComments: 'none',
})
// The same for attestations: one file, which imports node:crypto and nothing else.
await build({
  entryPoints: { 'attest-verify': 'src/attest/verify/index.ts' },
  outdir: folder,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  legalComments: 'none',
})
writeTypes(join(folder, 'types'))
writeFileSync(join(folder, 'LICENCES.txt'), licencesOf(Object.keys(metafile.inputs)))

rmSync('dist', { recursive: true, force: true })
try {
  renameSync(folder, 'dist')
} catch (error) {
  // Somebody who built the same was faster.
  if (!existsSync('dist/mayfly.js')) throw error
}
