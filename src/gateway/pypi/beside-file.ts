import { MayflyError } from '../../lib/index.ts'
import {
  foldedName,
  pieces,
  readTar,
  readZip,
  unpackOne,
  type ReadAt,
  type ZipContents,
} from '../archives/index.ts'
import { readCoreMetadata, type CoreMetadata } from './core-metadata.ts'
import { whatDiffers, type FormFields } from './form-agreement.ts'

/** A file as it lies in its upload. */
export interface PackedFile {
  readonly name: string
  readonly bytes: number
  readonly read: ReadAt
}

const maxUnpackedBytes = 2 * 1024 * 1_048_576
const maxMetadataBytes = 2 * 1_048_576

/**
 * Why the form of an upload does not say what the metadata in its file says, or its name not what the file is: installers choose a file
 * by its name before they have it.
 */
export async function besideFile(form: FormFields, file: PackedFile): Promise<string | undefined> {
  try {
    if (file.name.endsWith('.whl')) return await besideWheel(form, file)
    return whatDiffers(form, await sourceMetadata(file), file.name)
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error
    return `its file is not read: ${error.message}`
  }
}

async function besideWheel(form: FormFields, file: PackedFile): Promise<string | undefined> {
  const zip = await readZip(file.read, file.bytes)
  const folder = infoFolder(zip)
  if (folder === undefined) return 'its file has no folder .dist-info, or several'
  const other = zip.names.find(isInfoInData)
  if (other !== undefined)
    return `its file has ${JSON.stringify(other.slice(0, 100))}, which would be put over its metadata`
  const of = async (name: string) => readCoreMetadata(await zip.file(`${folder}/${name}`, maxMetadataBytes))
  return whatDiffers(form, await of('METADATA'), file.name) ?? wrongTags(file.name, await of('WHEEL'))
}

/** What a `.data` folder has is put where packages are, too, after all else. */
function isInfoInData(name: string): boolean {
  const [first = '', ...others] = foldedName(name).split('/')
  return first.endsWith('.data') && others.some((part) => part.endsWith('.dist-info'))
}

/** Of names that a file system takes for one, there is one. */
function infoFolder({ names }: ZipContents): string | undefined {
  const isInfo = (folder: string) => foldedName(folder).endsWith('.dist-info')
  const folders = new Set(names.map((name) => name.split('/')[0] ?? '').filter(isInfo))
  const [folder = ''] = folders
  const folded = names.map((name) => `${foldedName(name)}/`)
  const isOnce = (file: string) => {
    const wanted = `${foldedName(`${folder}/${file}`)}/`
    return folded.filter((name) => name.startsWith(wanted)).length === 1
  }
  return folders.size === 1 && isOnce('METADATA') && isOnce('WHEEL') ? folder : undefined
}

/** `NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl` (binary distribution format), each of the last three one or more with dots between. */
function wrongTags(name: string, wheel: CoreMetadata): string | undefined {
  const parts = name.slice(0, -'.whl'.length).split('-')
  const [pythons = [], abis = [], platforms = []] = parts.slice(-3).map((part) => part.split('.'))
  const named = pythons.flatMap((python) =>
    abis.flatMap((abi) => platforms.map((platform) => `${python}-${abi}-${platform}`)),
  )
  const [tags, builds] = ['tag', 'build'].map((field) => wheel.get(field) ?? [])
  const sorted = (values: readonly string[] = []) => [...new Set(values)].toSorted().join(', ')
  if (sorted(named) !== sorted(tags))
    return `its name says that it is for ${sorted(named).slice(0, 200)}, and WHEEL in it ${sorted(tags).slice(0, 200)}`
  const build = parts.length === 6 ? [parts[2] ?? ''] : []
  return sorted(build) === sorted(builds)
    ? undefined
    : `its name says build: ${sorted(build) || 'none'}, and WHEEL in it ${sorted(builds).slice(0, 100) || 'none'}`
}

async function sourceMetadata({ name, bytes, read }: PackedFile): Promise<CoreMetadata> {
  const base = /^(.+)\.(?:tar\.gz|zip)$/.exec(name)?.[1]
  if (base === undefined) throw new MayflyError('bad_input', 'only wheels, .tar.gz and .zip are looked into')
  const isInfo = (path: string) => /^[^/]*\/pkg-info$/.test(foldedName(path).replace(/^\.?\//, ''))
  if (name.endsWith('.tar.gz')) {
    const tar = unpackOne(pieces(read, 0, bytes), maxUnpackedBytes)
    return readCoreMetadata((await readTar(tar, `${base}/PKG-INFO`, isInfo)).file)
  }
  const zip = await readZip(read, bytes)
  if (zip.names.filter(isInfo).length !== 1) throw new MayflyError('bad_input', 'it has no one PKG-INFO')
  return readCoreMetadata(await zip.file(`${base}/PKG-INFO`, maxMetadataBytes))
}
