//! Where a file is, or would be, when links on the way to it are resolved.

use std::io;
use std::path::{Path, PathBuf};

/// The path of a file with its folder as it really is; the file itself need not be there, and is not followed if it is a
/// link.
///
/// Fails if there is no such folder, or the path has no name at its end, as `a/..` has none.
pub(crate) fn in_real_folder(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok(folder.unwrap_or(Path::new(".")).canonicalize()?.join(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_folder_is_followed_and_the_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("real")).unwrap();
        symlink("real", root.join("link")).unwrap();
        symlink("/etc/passwd", root.join("real/file")).unwrap();
        for name in ["file", "not-there"] {
            let expected = root.join("real").join(name);
            assert_eq!(in_real_folder(&root.join("link").join(name)).unwrap(), expected);
        }
        assert!(in_real_folder(&root.join("nowhere/file")).is_err());
        assert!(in_real_folder(&root.join("link/..")).is_err());
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(in_real_folder(Path::new("name")).unwrap(), here.join("name"));
    }
}
