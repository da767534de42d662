import {
  asPattern,
  narrow,
  need,
  optionOf,
  plainWords,
  unknownIn,
  unknownVersions,
  type CommandFacts,
  type Family,
} from './command.ts'
import type { Need } from '../model.ts'
import { placeNamed } from '../registry-hosts.ts'

/** Every package of the checkout: which one a command is about its words do not say. */
function published(
  kind: string,
  { packages }: CommandFacts,
  make: (name: string, versions: string) => Need,
): Need[] {
  const known = packages[kind] ?? []
  if (known.length === 0) return [make(unknownIn(kind), unknownVersions)]
  return known.map(({ name, versions }) => make(name, versions))
}

/** At the registry that an option names. */
function at(registry: string | undefined, needs: readonly Need[]): Need[] {
  return needs.map((one) => ({ ...one, ...placeNamed(registry) }))
}

/** Of a registry that goes by a name only everybody's is known; of another one a file of the machine says where it is. */
function named(words: readonly string[], options: readonly string[], everybodys: string): string | undefined {
  const name = optionOf(words, ...options)
  return name === undefined || name === everybodys ? undefined : '$'
}

const npmPublish = (facts: CommandFacts) =>
  published('npm', facts, (name) => need('npm', 'npm:publish', true, name))
export const npmInstall = need('npm', 'npm:install', false)

export const registries: readonly Family[] = [
  {
    programs: /^(?:npm|pnpm|yarn|bun|npx|lerna|changeset|semantic-release|np)$/,
    reaches({ program, words }, facts) {
      const [first = '', second = ''] = plainWords(words)
      const isPublish =
        first === 'publish' ||
        (first === 'npm' && second === 'publish') ||
        /^(?:semantic-release|np)$/.test(program)
      const called = first === 'exec' || first === 'run' || first === 'dlx' ? second : first
      if (isPublish || /^(?:changeset|semantic-release|lerna)$/.test(called))
        return { needs: [npmInstall, ...at(optionOf(words, '--registry'), npmPublish(facts))] }
      const takes =
        /^(?:ci|i|install|install-ci-test|cit|add|update|audit|exec|dlx|create|x|rebuild|view|info|show|v|outdated)$/.test(
          first,
        )
      const isBare = program === 'npx' || (program === 'yarn' && first === '')
      return { needs: takes || isBare ? at(optionOf(words, '--registry'), [npmInstall]) : [] }
    },
  },
  {
    programs: /^(?:pip3?|python3?|uv|uvx|poetry|pdm|pipx|pipenv|tox|nox|hatch|flit|twine)$/,
    reaches({ program, words }, facts) {
      const plain = plainWords(words)
      const [first = '', second = ''] = words[0] === '-m' ? words.slice(1) : plain
      const tool = program.startsWith('python') ? first : program
      const verb = program.startsWith('python') ? second : first
      if (/^(?:upload|publish)$/.test(verb) && /^(?:twine|uv|poetry|pdm|hatch|flit)$/.test(tool))
        return {
          needs: at(
            optionOf(words, '--repository-url', '--publish-url') ??
              named(words, ['-r', '--repository', '--index', '--config-file'], 'pypi'),
            published('pypi', facts, (name, versions) =>
              need('pypi-upload', 'pypi:publish', true, name, versions),
            ),
          ),
        }
      const isLocked =
        /^(?:poetry|pdm|pipenv)$/.test(tool) ||
        (tool === 'uv' && verb === 'sync') ||
        words.includes('--require-hashes')
      const takes =
        /^(?:install|sync|run|add|download|wheel|tool|pip|build|env)$/.test(verb) ||
        /^(?:tox|nox|uvx|build)$/.test(tool)
      const index = optionOf(words, '-i', '--index-url', '--default-index')
      return {
        needs: takes ? at(index, [need('pypi', isLocked ? 'pypi:install' : 'pypi:resolve', false)]) : [],
      }
    },
  },
  {
    programs: /^cargo$/,
    reaches({ words }, facts) {
      const [verb = ''] = plainWords(words).filter((word) => !word.startsWith('+'))
      const download = need('crates', 'cargo:download', false)
      if (verb === 'publish' || verb === 'release')
        return {
          needs: [
            download,
            ...at(
              optionOf(words, '--index') ?? named(words, ['--registry'], 'crates-io'),
              published('cargo', facts, (name, versions) =>
                need('crates', 'cargo:publish', true, name, versions),
              ),
            ),
          ],
        }
      if (verb === 'install') return { needs: [need('crates', 'cargo:resolve', false)] }
      return {
        needs: /^(?:build|b|test|t|check|clippy|run|doc|fetch|bench|package|nextest|llvm-cov)$/.test(verb)
          ? [download]
          : [],
      }
    },
  },
  {
    programs: /^(?:mvn|mvnw|gradle|gradlew)$/,
    reaches({ words }, facts) {
      const download = need('central', 'maven:resolve', false)
      const isPublish = words.some((word) =>
        /^(?:deploy|publish\w*|release:perform|jreleaser\w*)$/.test(word.replace(/^.*:(?=publish)/, '')),
      )
      if (!isPublish) return { needs: [download] }
      return {
        needs: [
          download,
          ...published('maven', facts, (name, versions) =>
            need('maven-upload', 'maven:publish', true, name, versions),
          ),
        ],
      }
    },
  },
  {
    programs: /^(?:bundle|bundler|gem|rake)$/,
    reaches({ program, words }, facts) {
      const [verb = ''] = plainWords(words)
      if (program === 'gem' && verb === 'push')
        return {
          needs: at(
            optionOf(words, '--host'),
            published('rubygems', facts, (name, versions) =>
              need('gems', 'rubygems:publish', true, name, versions),
            ),
          ),
        }
      if (program === 'gem')
        return { needs: verb === 'install' ? [need('gems', 'rubygems:resolve', false)] : [] }
      return { needs: program === 'rake' ? [] : [need('gems', 'rubygems:install', false)] }
    },
  },
  {
    programs: /^(?:go|golangci-lint|goreleaser)$/,
    reaches({ program, words }) {
      const [verb = ''] = plainWords(words)
      const takes = program !== 'go' || /^(?:build|test|vet|run|mod|generate|list|tool)$/.test(verb)
      if (program === 'go' && verb === 'install') return { needs: [need('go', 'go:resolve', false)] }
      return { needs: takes ? [need('go', 'go:download', false)] : [] }
    },
  },
  {
    programs: /^(?:skopeo|crane|oras|buildah|podman|cosign|regctl|helm)$/,
    reaches({ program, words }) {
      const images = plainWords(words).filter((word) => isImage(program, word))
      const [verb = ''] = plainWords(words)
      const brings = /^(?:push|copy|cp|append|tag|attach|sign|attest|image)$/.test(verb)
      return {
        needs: images.flatMap((image, i) => {
          const isLast = i === images.length - 1
          return imageNeed(image, brings && isLast)
        }),
      }
    },
  },
]

function isImage(program: string, word: string): boolean {
  const image = asPattern(word).replace(/^(?:docker|oci):\/\//, '')
  if (program === 'helm') return word.startsWith('oci://')
  return (
    word.startsWith('docker://') ||
    /^[a-z0-9*][a-z0-9.*-]*(?::\d+)?\/[\w.*/-]+(?::[\w.*-]+)?(?:@sha256:[0-9a-f*]+)?$/.test(image)
  )
}

/** `[REGISTRY/]NAME[:TAG]` as what is pulled or pushed. */
export function imageNeed(image: string, writes: boolean): Need[] {
  const plain = asPattern(image).replace(/^(?:docker|oci):\/\//, '')
  const [head = '', ...rest] = plain.split('/')
  const isHost = /[.:]|^localhost$/.test(head) && rest.length > 0
  const host = isHost ? head : 'registry-1.docker.io'
  const name = isHost ? rest.join('/') : plain
  const [path = '', tag] = (name.split('@')[0] ?? '').split(':')
  if (host.includes('*')) return []
  const full = !isHost && !path.includes('/') ? `library/${path}` : path
  const ref = writes && tag !== undefined && !/^\**$/.test(tag) ? tag : undefined
  const action = !writes ? 'oci:pull' : ref === 'latest' ? 'oci:force' : 'oci:push'
  return [{ ...need(registryName(host), action, writes, narrow(full), ref), url: `https://${host}` }]
}

/** What a connection to this registry is called. */
export function registryName(host: string): string {
  const known: Readonly<Record<string, string>> = {
    'registry-1.docker.io': 'hub',
    'docker.io': 'hub',
    'index.docker.io': 'hub',
    'ghcr.io': 'ghcr',
    'quay.io': 'quay',
    'registry.gitlab.com': 'gitlab-registry',
  }
  return known[host] ?? `registry-${host.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 60)
}
