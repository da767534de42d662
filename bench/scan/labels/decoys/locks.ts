import type { FileKind } from '../kind.ts'
import type { Random } from '../random.ts'
import { fill } from '../template.ts'
import { base64Text, companies, hostName, services } from '../words.ts'
import { decoyKinds, list, version, type Row } from './decoy.ts'

const packageNames =
  'lodash chalk ws undici zod fastify pino semver glob tar yargs debug mime qs cookie'.split(' ')
const sha512 = (random: Random): string => `sha512-${random.bytes(64).toString('base64')}`

/** Digests, ids and encoded things, in the files that are full of them. */
const rows: readonly Row[] = [
  [
    'package-lock',
    (random, decoy) => ({
      path: 'package-lock.json',
      text: `{\n  "lockfileVersion": 3,\n  "packages": {\n${list(4, () => `    "node_modules/${random.pick(packageNames)}": { "version": "${version(random)}", "integrity": "${decoy(sha512(random))}" }`, ',\n')}\n  }\n}\n`,
    }),
  ],
  [
    'yarn-lock',
    (random, decoy) => ({
      path: 'yarn.lock',
      text: list(
        4,
        () =>
          `${random.pick(packageNames)}@^${version(random)}:\n  version "${version(random)}"\n  resolved "https://registry.example.com/x/-/x-1.tgz#${decoy(random.hex(40))}"\n  integrity ${decoy(sha512(random))}\n`,
      ),
    }),
  ],
  [
    'pnpm-lock',
    (random, decoy) => ({
      path: 'pnpm-lock.yaml',
      text: `lockfileVersion: '9.0'\npackages:\n${list(4, () => `  ${random.pick(packageNames)}@${version(random)}:\n    resolution: {integrity: ${decoy(sha512(random))}}`)}\n`,
    }),
  ],
  [
    'go-sum',
    (random, decoy) => ({
      path: 'go.sum',
      text: `${list(5, () => `github.com/${random.pick(companies)}/${random.pick(services)} v${version(random)} h1:${decoy(random.bytes(32).toString('base64'))}`)}\n`,
    }),
  ],
  [
    'cargo-lock',
    (random, decoy) => ({
      path: 'Cargo.lock',
      text: list(
        4,
        () =>
          `[[package]]\nname = "${random.pick(services)}"\nversion = "${version(random)}"\nchecksum = "${decoy(random.hex(64))}"\n`,
      ),
    }),
  ],
  [
    'poetry-lock',
    (random, decoy) => ({
      path: 'poetry.lock',
      text: `[[package]]\nname = "secretstorage"\nversion = "${version(random)}"\nfiles = [\n${list(4, () => `    {file = "secretstorage.whl", hash = "sha256:${decoy(random.hex(64))}"},`)}\n]\n`,
    }),
  ],
  [
    'requirements-hashes',
    (random, decoy) => ({
      path: 'requirements.txt',
      text: `${list(4, () => `${random.pick(services)}==${version(random)} --hash=sha256:${decoy(random.hex(64))}`)}\n`,
    }),
  ],
  [
    'gemfile-lock',
    (random, decoy) => ({
      path: 'Gemfile.lock',
      text: `GIT\n  remote: https://git.example.com/x.git\n  revision: ${decoy(random.hex(40))}\n\nCHECKSUMS\n  rack (3.0) sha256=${decoy(random.hex(64))}\n`,
    }),
  ],
  [
    'nix-hash',
    (random, decoy) => ({
      path: 'default.nix',
      text: `fetchFromGitHub {\n  owner = "${random.pick(companies)}";\n  rev = "${decoy(random.hex(40))}";\n  hash = "sha256-${decoy(random.bytes(32).toString('base64'))}";\n}\n`,
    }),
  ],
  [
    'checksums-file',
    (random, decoy) => ({
      path: 'SHA256SUMS',
      text: `${list(5, () => `${decoy(random.hex(64))}  ${random.pick(services)}-linux-amd64.tar.gz`)}\n`,
    }),
  ],
  [
    'pinned-actions',
    (random, decoy) => ({
      path: `.github/workflows/${random.pick(services)}.yml`,
      text: `jobs:\n  build:\n    runs-on: ubuntu-24.04\n    steps:\n${list(4, () => `      - uses: ${random.pick(companies)}/${random.pick(['login-action', 'create-github-app-token', 'secret-scan', 'checkout'])}@${decoy(random.hex(40))} # v${version(random)}`)}\n`,
    }),
  ],
  [
    'image-digest',
    (random, decoy) => ({
      path: `${random.pick(services)}/Dockerfile`,
      text: `FROM registry.example.com/vault-token-helper@sha256:${decoy(random.hex(64))}\nLABEL org.opencontainers.image.revision=${decoy(random.hex(40))}\n`,
    }),
  ],
  [
    'html-integrity',
    (random, decoy) => ({
      path: 'public/index.html',
      text: `<!doctype html>\n<script src="/auth-token.js" integrity="sha384-${decoy(random.bytes(48).toString('base64'))}" crossorigin="anonymous"></script>\n<input type="password" name="password" id="password-field" autocomplete="${decoy('current-password')}">\n`,
    }),
  ],
  [
    'csp-hash',
    (random, decoy) => ({
      path: 'nginx/site.conf',
      text: `add_header Content-Security-Policy "script-src 'self' 'sha256-${decoy(random.bytes(32).toString('base64'))}'";\nadd_header Public-Key-Pins 'pin-sha256="${decoy(random.bytes(32).toString('base64'))}"; max-age=5184000';\n`,
    }),
  ],
  [
    'image-data-url',
    (random, decoy) => ({
      path: 'src/styles/icons.css',
      text: `.lock { background: url(data:image/png;base64,${decoy(`iVBORw0KGgo${random.bytes(700).toString('base64')}`)}) }\n.key { src: url(data:font/woff2;base64,${decoy(random.bytes(500).toString('base64'))}) }\n`,
    }),
  ],
  [
    'svg-path',
    (random, decoy) => ({
      path: 'public/key.svg',
      text: `<svg viewBox="0 0 24 24"><path id="api-key" d="${decoy(list(40, () => `M${random.below(24)}.${random.below(999)}c${random.below(9)}-${random.below(9)}`, ''))}"/></svg>\n`,
    }),
  ],
  [
    'source-map',
    (random, decoy) => ({
      path: 'public/app.js.map',
      text: `{"version":3,"sources":["token.ts"],"mappings":"${decoy(list(200, () => fill('{alpha:4}', random), ','))}"}\n`,
    }),
  ],
  [
    'webpack-chunks',
    (random, decoy) => ({
      path: 'public/manifest.js',
      text: `!function(){n.u=function(e){return"js/"+({12:"password",48:"token"}[e]||e)+"."+{12:"${decoy(random.hex(20))}",48:"${decoy(random.hex(20))}",77:"${decoy(random.hex(20))}"}[e]+".js"}}();\n`,
    }),
  ],
  [
    'binary-base64',
    (random, decoy) => ({
      path: `src/${random.pick(services)}/wasm.js`,
      text: `export const key = "${decoy(`AGFzbQEAAAAB${random.bytes(600).toString('base64')}`)}"\n`,
    }),
  ],
  [
    'cipher-vectors',
    (random, decoy) => ({
      path: `test/vectors/aes-${random.pick(['cbc', 'gcm', 'ctr'])}.json`,
      text: `[\n${list(4, () => `  {"tcId": ${random.below(400)}, "key": "${decoy(random.hex(random.pick([32, 64])))}", "iv": "${decoy(random.hex(24))}", "msg": "${decoy(random.hex(32))}", "tag": "${decoy(random.hex(32))}"}`, ',\n')}\n]\n`,
    }),
  ],
  [
    'published-vectors',
    (random, decoy) => ({
      path: 'src/crypto/aes.test.js',
      text: `// FIPS 197, appendix B and C\nconst key = '${decoy(random.pick(['2b7e151628aed2a6abf7158809cf4f3c', '000102030405060708090a0b0c0d0e0f', '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4']))}'\nconst hmacKey = '${decoy(random.pick(['0b', 'aa', 'ff']).repeat(20))}'\nexpect(encrypt(key, block)).toBe('${decoy('69c4e0d86a7b0430d8cdb78070b4c55a')}')\n`,
    }),
  ],
  [
    'terraform-lock',
    (random, decoy) => ({
      path: '.terraform.lock.hcl',
      text: `provider "registry.terraform.io/hashicorp/vault" {\n  hashes = [\n${list(4, () => `    "h1:${decoy(random.bytes(32).toString('base64'))}",`)}\n    "zh:${decoy(random.hex(64))}",\n  ]\n}\n`,
    }),
  ],
  [
    'graph-node-ids',
    (random, decoy) => ({
      path: 'fixtures/issues.json',
      text: `[${list(4, () => `{"node_id":"${decoy(base64Text(`0${random.below(9)}:PullRequest${fill('{digit:9}', random)}`))}","etag":"W/\\"${decoy(random.hex(64))}\\"","sha":"${decoy(random.hex(40))}"}`, ',\n ')}]\n`,
    }),
  ],
  [
    'video-and-document-ids',
    (random, decoy) => ({
      path: 'docs/links.md',
      text: `[plan](https://docs.google.com/document/d/${decoy(fill('1{b64u:43}', random))}/edit) and\n[talk](https://www.youtube.com/watch?v=${decoy(fill('{b64u:11}', random))}), [board](https://www.figma.com/file/${decoy(fill('{alnum:22}', random))}/app)\n`,
    }),
  ],
  [
    'cluster-objects',
    (random, decoy) => ({
      path: 'k8s/dump.yaml',
      text: `metadata:\n  name: default-token-${decoy(fill('{lowdig:5}', random))}\n  uid: ${decoy(random.uuid())}\n  resourceVersion: "${decoy(fill('{digit:9}', random))}"\n  generateName: ${random.pick(services)}-${decoy(fill('{hex:10}', random))}-\n`,
    }),
  ],
  [
    'fingerprints',
    (random, decoy) => ({
      path: 'docs/hosts.md',
      text: `| host | key |\n|---|---|\n| ${hostName(random)} | SHA256:${decoy(random.bytes(32).toString('base64').replace('=', ''))} |\n| ${hostName(random)} | ${decoy(random.hex(32).match(/../g)?.join(':') ?? '')} |\n`,
    }),
  ],
]

export const locksDecoys: readonly FileKind[] = decoyKinds(rows)
