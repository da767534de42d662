import { Option, type Command } from 'commander'
import { act, collect, jsonOption, positive, serverOption, tokenNote } from './command.ts'

/** `mayfly scan`. It needs no server and no mayfly.yaml. */
export function addScan(program: Command): void {
  const scan = program
    .command('scan')
    .description(
      'secrets in files, a history, what is staged; exit code 1: found, 2: not all could be looked at',
    )
    .argument('[path...]', 'folders or files (default: .); of a repository a folder in it')
    .optionsGroup('What is scanned, if not files:')
    .option('--staged', 'what would be committed now')
    .option('--history', 'all that the repository ever had, each blob once')
    .option('--since <range>', 'what commits brought: A..B, or A for what came since')
    .option(
      '--pushed <remote>',
      'what a push brings to it, by the lines of Git’s hook pre-push on standard input',
    )
    .option('--image <image>', 'an OCI layout, an archive, or one of a registry: REGISTRY/REPOSITORY:TAG')
    .option('--stdin', 'standard input')
    .addOption(
      new Option('--git-ignored <what>', 'files of a folder that Git ignores and does not have')
        .choices(['look', 'skip'])
        .default('look'),
    )
    .optionsGroup('What is looked for:')
    .option(
      '--known',
      'also the secrets of the vault, whatever they look like: the server is sent what is scanned (scope secret:scan)',
    )
    .option(
      '--verify [kinds]',
      'whether what is found is alive, whose it is, what it may do: the server asks its vendor (scan.verify of its policy, scope secret:scan)',
    )
    .option('--revoke <fingerprint>', 'has the vendor end this one, for good (scope secret:write)')
    .option('--yes', 'ends it without asking')
    .option('--server <url>', 'the server that is asked (MAYFLY_SERVER)')
    .option('--rules <file>', 'rules and allow lists (default: .mayfly/scan.yaml, if it is there)')
    .option('--no-rules', 'not even .mayfly/scan.yaml')
    .option(
      '--gitleaks-config <file>',
      'rules and allow lists of gitleaks (TOML); may be given again',
      collect,
    )
    .addOption(
      new Option('--confidence <level>', 'the least sure that is told')
        .choices(['certain', 'likely', 'possible'])
        .default('possible'),
    )
    .addOption(failOnOption().default('likely'))
    .option('--baseline <file>', 'what is known already: it is counted, and fails nothing')
    .option('--write-baseline <file>', 'adds what is found to a baseline, whole or not at all')
    .option('--gitleaks-allow', 'lines with gitleaks:allow fail nothing')
    .option('--allow-unseen', 'exit code 0 although not all could be looked at; it is said all the same')
    .optionsGroup('How it is told:')
    .addOption(
      new Option('--report <form>', 'how it is told')
        .choices(['text', 'json', 'sarif', 'gitlab', 'github'])
        .default('text'),
    )
    .option('-o, --output <file>', 'where the report goes, if not to standard output')
    .option('-j, --jobs <n>', 'threads; as many as there are processors, four at most', positive)
    .option('--list-rules', 'the rules that would be asked, and nothing else')
    .addHelpText('after', '\nFormats, rule files, comments that ignore, baselines: docs/scan.md.')
    .action(act(async (paths: string[], options) => (await import('./scan/scan.ts')).runScan(paths, options)))
  addHook(scan)
  addFindings(scan)
}

const failOnOption = () =>
  new Option('--fail-on <level>', 'the least sure that fails; what is less sure is told').choices([
    'certain',
    'likely',
    'possible',
  ])

function addFindings(scan: Command): void {
  scan
    .command('findings')
    .description('what was found in builds, the newest first, by the audit log of the server')
    .option('--run <id>', 'of this run')
    .option('--role <name>', 'of this role')
    .option('--rule <id>', 'by this rule')
    .option('--secret <name>', 'this secret of the vault')
    .option('--fingerprint <hex>', 'this very secret, wherever it was found')
    .option('--since <time>', '2026-11-25, 2026-11-25T10:00:00Z, or 6h, 30d (so long ago)')
    .option('-n, --lines <n>', 'at most so many', positive, 100)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./scan/findings.ts')).listFindings(options)))
}

function addHook(scan: Command): void {
  const hook = scan
    .command('hook')
    .description('hooks of this repository (pre-commit, pre-merge-commit) that run mayfly scan --staged')
  hook
    .command('install')
    .description('writes them; where there is another one it stays, and what to do then is said')
    .option('--pre-push', 'also pre-push: what is pushed, as cherry-pick, rebase and am run no other hook')
    .optionsGroup('What each commit is scanned with (files: from the top of the repository):')
    .option('--rules <file>', 'rules and allow lists (default: .mayfly/scan.yaml, if it is there)')
    .option(
      '--gitleaks-config <file>',
      'rules and allow lists of gitleaks (TOML); may be given again',
      collect,
    )
    .option('--baseline <file>', 'what is known already')
    .addOption(failOnOption())
    .action(act(async (options) => (await import('./scan/hook.ts')).installHook(options)))
  hook
    .command('remove')
    .description('takes away what install wrote')
    .action(act(async () => (await import('./scan/hook.ts')).removeHook()))
}
