@echo off
rem Starts Mien for people who know no pip: makes a private environment the first time, then opens the page.
rem Nothing outside that folder is changed. To remove Mien, delete the folder %LOCALAPPDATA%\mien and this one.
setlocal
set "here=%~dp0"
if "%MIEN_DATA_DIR%"=="" (set "data=%LOCALAPPDATA%\mien") else (set "data=%MIEN_DATA_DIR%")
set "env=%data%\environment"
set "stamp=%env%\mien-version"
set "wanted="
for /f %%h in ('certutil -hashfile "%here%constraints.txt" SHA256 ^| findstr /r "^[0-9a-f]*$"') do set "wanted=%%h"
for /f %%h in ('certutil -hashfile "%here%CHANGELOG.md" SHA256 ^| findstr /r "^[0-9a-f]*$"') do set "wanted=%wanted%%%h"

set "have="
if exist "%stamp%" set /p have=<"%stamp%"
if exist "%env%\Scripts\mien.exe" if "%have%"=="%wanted%" goto start

set "python="
for %%v in (3.12 3.13 3.11) do if not defined python (
    py -%%v -c "import venv" >nul 2>nul && set "python=py -%%v"
)
if not defined python (
    python -c "import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))" >nul 2>nul && set "python=python"
)
if not defined python (
    echo Mien needs Python 3.11, 3.12 or 3.13, and this computer has none of them.
    echo Get Python 3.12 from https://www.python.org/downloads/ or with:  winget install Python.Python.3.12
    echo Then start this again.
    pause
    exit /b 1
)

echo Mien is set up once; this takes a few minutes and about 1 GB of disk.
echo 1 of 3  making a private environment
if exist "%env%" rmdir /s /q "%env%"
%python% -m venv "%env%"
if errorlevel 1 goto failed
echo 2 of 3  fetching the parts (the longest step)
rem pip leaves a folder "build" here, whose old files would join the next installation.
if exist "%here%build" rmdir /s /q "%here%build"
"%env%\Scripts\python.exe" -m pip install --quiet --disable-pip-version-check --constraint "%here%constraints.txt" "%here%.[live]"
if errorlevel 1 goto failed
"%env%\Scripts\python.exe" -m pip install --quiet --disable-pip-version-check --constraint "%here%constraints.txt" "%here%.[live,virtualcam]" >nul 2>nul
if errorlevel 1 echo         without the virtual camera, which could not be installed; the page and OBS work
echo 3 of 3  fetching the face tracker's model
"%env%\Scripts\mien.exe" doctor --fetch >nul 2>nul
>"%stamp%" echo %wanted%

:start
echo Starting. A page opens in your browser; close this window or press Ctrl-C to stop.
"%env%\Scripts\mien.exe" studio --open %*
if errorlevel 1 if not errorlevel 130 (
    echo.
    echo That did not work. This is what Mien finds on this computer:
    "%env%\Scripts\mien.exe" doctor
    pause
)
exit /b 0

:failed
echo The parts could not be fetched. Is the network there? What pip said stands above.
pause
exit /b 1
