//! A copy of Suricata that evaluates rules in the order of their sids.
//!
//! Suricata sorts rules by keys that one function registers: action, what rules remember, priority. With that function
//! turned into a plain return no key is registered, and the sid, which only breaks ties otherwise, decides alone. The
//! installed program is not touched; only 64-bit ELF programs for x86-64 are understood.

/// The function that registers the keys.
const FUNCTION: &[u8] = b"SCSigRegisterSignatureOrderingFuncs";

/// `ret`
const RETURN: u8 = 0xc3;

/// `EM_X86_64`
const X86_64: u16 = 62;
/// `SHT_PROGBITS`, `SHT_SYMTAB`, `SHT_DYNSYM`
const PROGRAM: u32 = 1;
const SYMBOLS: [u32; 2] = [2, 11];
/// Bytes of a symbol.
const SYMBOL_BYTES: usize = 24;

/// A section of the file.
#[derive(Clone, Copy)]
struct Section {
    kind: u32,
    address: u64,
    offset: u64,
    bytes: u64,
    link: u32,
}

/// The program with the function switched off.
pub(super) fn without_ordering(mut program: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    if !program.starts_with(b"\x7fELF") {
        return Err("it is not an ELF program (a script?)");
    }
    // 64 bits, little endian
    if program.get(4..6) != Some(&[2, 1]) || number::<2>(&program, 18) != Some(u64::from(X86_64)) {
        return Err("it is not for x86-64");
    }
    let at = function_offset(&program).ok_or("it has no symbol for the function that orders rules")?;
    let first = program.get_mut(at).ok_or("its symbols point outside of the file")?;
    *first = RETURN;
    Ok(program)
}

/// Where in the file the function begins.
fn function_offset(program: &[u8]) -> Option<usize> {
    let sections = sections(program)?;
    for table in sections.iter().filter(|section| SYMBOLS.contains(&section.kind)) {
        let names = sections.get(table.link as usize)?;
        let symbols = part(program, table)?;
        for symbol in symbols.chunks_exact(SYMBOL_BYTES) {
            let name = usize::try_from(number::<4>(symbol, 0)?).ok()?;
            let (address, bytes) = (number::<8>(symbol, 8)?, number::<8>(symbol, 16)?);
            let text = part(program, names)?.get(name..)?;
            if bytes == 0 || text.strip_prefix(FUNCTION).is_none_or(|rest| rest.first() != Some(&0)) {
                continue;
            }
            let holds = |section: &&Section| {
                section.kind == PROGRAM && address.checked_sub(section.address).is_some_and(|at| at < section.bytes)
            };
            let code = sections.iter().find(holds)?;
            return usize::try_from(address.checked_sub(code.address)?.checked_add(code.offset)?).ok();
        }
    }
    None
}

fn sections(program: &[u8]) -> Option<Vec<Section>> {
    let start = usize::try_from(number::<8>(program, 0x28)?).ok()?;
    let (bytes, count) = (number::<2>(program, 0x3a)? as usize, number::<2>(program, 0x3c)? as usize);
    (0..count)
        .map(|index| {
            let header = program.get(start.checked_add(index.checked_mul(bytes)?)?..)?;
            Some(Section {
                kind: number::<4>(header, 4)? as u32,
                address: number::<8>(header, 16)?,
                offset: number::<8>(header, 24)?,
                bytes: number::<8>(header, 32)?,
                link: number::<4>(header, 40)? as u32,
            })
        })
        .collect()
}

fn part<'a>(program: &'a [u8], section: &Section) -> Option<&'a [u8]> {
    let start = usize::try_from(section.offset).ok()?;
    program.get(start..start.checked_add(usize::try_from(section.bytes).ok()?)?)
}

/// A little-endian number of `N` bytes.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(N)?)?;
    Some(part.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A program with one section of code, one symbol and its name.
    fn program(machine: u8, name: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18] = machine;
        let code = file.len() as u64;
        file.extend([0x55; 16]);
        let symbols = file.len() as u64;
        file.extend([1, 0, 0, 0, 0x12, 0, 1, 0]);
        file.extend(0x4008_u64.to_le_bytes());
        file.extend(4_u64.to_le_bytes());
        let names = file.len() as u64;
        file.push(0);
        file.extend(name);
        file.push(0);
        let table = file.len() as u64;
        let mut section = |kind: u32, address: u64, offset: u64, bytes: u64, link: u32| {
            file.extend([0; 4]);
            file.extend(kind.to_le_bytes());
            file.extend([0; 8]);
            for number in [address, offset, bytes] {
                file.extend(number.to_le_bytes());
            }
            file.extend(link.to_le_bytes());
            file.extend([0; 20]);
        };
        section(PROGRAM, 0x4000, code, 16, 0);
        section(11, 0, symbols, SYMBOL_BYTES as u64, 2);
        section(3, 0, names, name.len() as u64 + 2, 0);
        file[0x28..0x30].copy_from_slice(&table.to_le_bytes());
        file[0x3a] = 64;
        file[0x3c] = 3;
        file
    }

    #[test]
    fn the_function_returns_at_once_and_nothing_else_changes() {
        let before = program(62, FUNCTION);
        let after = without_ordering(before.clone()).unwrap();
        let changed: Vec<usize> = (0..before.len()).filter(|&at| before[at] != after[at]).collect();
        assert_eq!((changed, after[72]), (vec![72], RETURN));
    }

    #[test]
    fn other_programs_are_refused() {
        assert_eq!(without_ordering(b"#!/bin/sh\n".to_vec()), Err("it is not an ELF program (a script?)"));
        assert_eq!(without_ordering(program(183, FUNCTION)), Err("it is not for x86-64"));
        let error = Err("it has no symbol for the function that orders rules");
        assert_eq!(without_ordering(program(62, b"SCSigRegisterSignatureOrderingFuncsX")), error);
    }

    proptest! {
        #[test]
        fn damaged_programs_are_no_reason_to_panic(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
            let mut file = program(62, FUNCTION);
            if let Some(place) = file.get_mut(at) {
                *place = byte;
            }
            file.truncate(cut.max(6));
            let _ = without_ordering(file);
        }
    }
}
