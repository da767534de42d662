import { Option, type Command } from 'commander'
import { act, jsonOption, serverOption, stopWithStdinOption, tokenNote, wholeNumber } from './command.ts'
import { findOptions, topicNames } from './audit-find-options.ts'
import type { AuditForwardArguments, Starters } from './process-commands.ts'

/** Options that say which log, and whose word about it. */
export function ofLog(command: Command): Command {
  return command
    .option('--folder <dir>', 'the log’s folder (default: that of --data)')
    .option('--url <url>', 'the log’s port, or a copy on any web server')
    .option('--data <dir>', 'data folder of mayfly up (MAYFLY_DATA)')
    .option('--key <vkey>', 'the public key, or a file that holds it')
    .option('--policy <file>', 'logs and a quorum of witnesses that are believed (c2sp.org/tlog-policy)')
    .addOption(jsonOption())
}

/** `mayfly audit ...`: all but forward and erase work offline, from the log's public files alone. */
export function addAudit(program: Command, starters: Starters): void {
  const audit = program
    .command('audit')
    .description('read and check the audit log, offline, from its public files')
  addReading(audit)
  addSbom(program)
  addSearch(audit)
  addProofs(audit)
  addTimestamps(audit)
  audit
    .command('forward')
    .description(
      'push every entry to syslog, webhooks or files, at least once (mayfly up --forward starts it)',
    )
    .requiredOption('--config <file>', 'the sinks')
    .requiredOption('--url <url>', 'the log')
    .requiredOption('--key <vkey>', 'its public key, or a file that holds it')
    .requiredOption('--state <dir>', 'where it remembers how far each sink is')
    .addOption(stopWithStdinOption())
    .addOption(jsonOption())
    .action(act((options: AuditForwardArguments) => starters.auditForward(options)))
  audit
    .command('erase')
    .description('make the names of a person in the log unreadable, for good; the root stays')
    .requiredOption('--subject <person>', 'per_..., or ISSUER:ID, or ISSUER:LOGIN')
    .option('--yes', 'do not ask', false)
    .addOption(serverOption())
    .addOption(jsonOption())
    .addHelpText('after', tokenNote)
    .action(act(async (options) => (await import('./audit-erase.ts')).erasePerson(options)))
}

function addTimestamps(audit: Command): void {
  audit
    .command('rotate-timestamp')
    .description(
      'another timestamp certificate for attestations; the one before stays listed, its key is deleted',
    )
    .option('--data <dir>', 'data folder of mayfly up (MAYFLY_DATA)')
    .option('--url <url>', 'the log’s port, where it runs alone')
    .option('--append-token-file <file>', 'the token that may append there')
    .option('--next', 'make the next one, for the trust document, without signing by it yet', false)
    .option('--yes', 'do not ask', false)
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./audit-rotate-timestamp.ts')).rotateTimestamp(options)))
}

const publicOption = () =>
  new Option('--public', 'the log’s public files alone: do not look at the names of people').default(false)

function addReading(audit: Command): void {
  ofLog(audit.command('verify'))
    .description('recompute everything from the public files and the public key alone')
    .addOption(publicOption())
    .option('--known <file...>', 'checkpoints that were kept elsewhere')
    .option('--attestations', 'the attestation log beside it', false)
    .action(act(async (options) => (await import('./audit-verify.ts')).verifyAudit(options)))
  ofLog(audit.command('show'))
    .description('what happened, as a story; with an index or id, one entry as it stands')
    .addOption(publicOption())
    .argument('[entry]', 'index or id')
    .option('--run <id>', 'one run only')
    .action(
      act(async (entry: string | undefined, options) =>
        (await import('./audit-show.ts')).showAudit(entry, options),
      ),
    )
  ofLog(audit.command('tail'))
    .description('the last entries; with --follow every new one')
    .addOption(publicOption())
    .option('-n, --lines <n>', 'how many', wholeNumber, 10)
    .option('-f, --follow', 'go on until ctrl-c, and verify each checkpoint', false)
    .action(act(async (options) => (await import('./audit-tail.ts')).tailAudit(options)))
  ofLog(audit.command('check'))
    .description('find runs whose record has gaps, and names of people that were changed')
    .addOption(publicOption())
    .action(act(async (options) => (await import('./audit-check.ts')).checkAudit(options)))
  ofLog(audit.command('export'))
    .description('entries for other systems, one line of JSON each')
    .addOption(
      new Option('--format <format>').choices(['ocsf', 'cloudevents', 'ndjson']).makeOptionMandatory(),
    )
    .option('--run <id>', 'of one run')
    .option('--repository <name>', 'its name, or its immutable id')
    .option('--role <name>')
    .option('--from <time>', 'this time or later')
    .option('--to <time>', 'before this time')
    .option('-o, --out <file>', 'a new file instead of standard output')
    .action(act(async (options) => (await import('./audit-export.ts')).exportAudit(options)))
}

function addSbom(program: Command): void {
  ofLog(program.command('sbom'))
    .description(
      'the packages that a run had, each with its digest and what verified it, as a bill of materials',
    )
    .argument('<run>')
    .addOption(new Option('--format <format>').choices(['cyclonedx', 'spdx']).default('cyclonedx'))
    .action(act(async (run: string, options) => (await import('./sbom.ts')).printSbom(run, options)))
}

/** Options of `find` that may be given several times. */
function addFinders(command: Command): Command {
  for (const [name, { help }] of Object.entries(findOptions)) command.option(`--${name} <value...>`, help)
  return command
}

const whenText = '2026-11-25, 2026-11-25T10:00:00Z, or 6h ago'

function addSearch(audit: Command): void {
  addFinders(ofLog(audit.command('find')))
    .description('entries by who, what, where and when, in a log of any length')
    .addOption(new Option('--about <topic>', 'what people ask for by one word').choices(topicNames))
    .option('--from <time>', `this time or later: ${whenText}`)
    .option('--to <time>', 'before this time')
    .option('-n, --lines <n>', 'the newest so many', wholeNumber)
    .option('--no-index', 'read everything, and keep no index in the cache folder')
    .addHelpText(
      'after',
      '\nAll options together narrow it down; one that is given several values takes either. * stands for any characters.',
    )
    .action(act(async (options) => (await import('./audit-find.ts')).findAudit(options)))
  ofLog(audit.command('runs'))
    .description('the runs of the log, newest first')
    .option('--repository <name>', 'its name, or its immutable id')
    .option('--from <time>', `alive at this time or later: ${whenText}`)
    .option('--to <time>', 'begun before this time')
    .option('-n, --lines <n>', 'at most so many', wholeNumber, 50)
    .option('--no-index', 'read everything, and keep no index in the cache folder')
    .action(act(async (options) => (await import('./audit-runs.ts')).listRuns(options)))
}

function addProofs(audit: Command): void {
  ofLog(audit.command('prove'))
    .description('a proof that an entry stands in the log, for somebody who has no log (c2sp.org/tlog-proof)')
    .argument('<entry>', 'index or id')
    .option('-o, --out <file>', 'the proof, instead of standard output')
    .option('--entry-out <file>', 'the bytes of the entry')
    .action(
      act(async (entry: string, options) => (await import('./audit-prove.ts')).proveAudit(entry, options)),
    )
  ofLog(audit.command('check-proof'))
    .description('check such a proof, offline')
    .argument('<proof>', 'the file')
    .requiredOption('--entry <file>', 'the bytes of the entry, as prove --entry-out writes them')
    .action(
      act(async (proof: string, options) => (await import('./audit-prove.ts')).checkProof(proof, options)),
    )
  ofLog(audit.command('consistency'))
    .description('check that a checkpoint kept from before is a prefix of the log as it is now')
    .argument('<older>', 'a file with the checkpoint')
    .argument('[newer]', 'a second one, instead of the log’s own')
    .option('-o, --out <file>', 'a proof of it, for somebody who has no log')
    .action(
      act(async (older: string, newer: string | undefined, options) =>
        (await import('./audit-consistency.ts')).proveConsistent(older, newer, options),
      ),
    )
  ofLog(audit.command('check-consistency'))
    .description('check such a proof, offline')
    .argument('<proof>', 'the file')
    .action(
      act(async (proof: string, options) =>
        (await import('./audit-consistency.ts')).checkConsistency(proof, options),
      ),
    )
  ofLog(audit.command('check-receipt'))
    .description(
      'check a receipt, or a whole answer of the log, offline; with --folder or --url that the log keeps it',
    )
    .argument('<receipt>', 'the file, in JSON')
    .option('--entry <file>', 'the bytes of the entry')
    .action(
      act(async (receipt: string, options) =>
        (await import('./audit-receipt.ts')).checkReceipt(receipt, options),
      ),
    )
}
